//! Estimates how many tokens a text is, without asking the service.
//!
//! It is an estimate and says so wherever it is shown. Gemini's tokenizer is not published; its
//! open sibling's (Gemma's) behaves like this on ordinary text: a short word with the blank before
//! it is one token, a digit is one, a mark is one, a CJK character about one. Counted so, English
//! prose comes to about one token per four characters, the figure Google gives
//! (ai.google.dev, "Understand and count tokens").

use crate::Distribution;

/// Letters of an ASCII word per token.
const LETTERS_PER_TOKEN: u32 = 7;

/// Letters per token where a letter takes two bytes: Cyrillic, Greek, Arabic, accented Latin.
const WIDE_LETTERS_PER_TOKEN: u32 = 3;

/// How the estimate is made, for reports.
pub(crate) const METHOD: &str = "estimate: a token per 7 letters of a word, per digit, per mark";

/// Estimated tokens of a UTF-8 text; depends on nothing but its bytes.
pub(crate) fn estimate(text: &[u8]) -> u32 {
    let mut tokens = 0_u32;
    let mut letters = 0_u32;
    let mut wide = 0_u32;
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {
                tokens += u32::from(letters.is_multiple_of(LETTERS_PER_TOKEN));
                letters += 1;
            }
            b' ' | b'\t' | b'\r' => {
                letters = 0;
                wide = 0;
            }
            0..0x80 => {
                tokens += 1;
                letters = 0;
                wide = 0;
            }
            // Inside a character: counted with its first byte.
            0x80..0xC0 => {}
            0xC0..0xE0 => {
                tokens += u32::from(wide.is_multiple_of(WIDE_LETTERS_PER_TOKEN));
                wide += 1;
            }
            0xE0..0xF0 => tokens += 1,
            0xF0.. => tokens += 2,
        }
    }
    tokens
}

/// Sums a column of counts up; it is put in order on the way.
pub(crate) fn distribution(counts: &mut [u32]) -> Distribution {
    counts.sort_unstable();
    let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let rows = u64::try_from(counts.len()).unwrap_or(u64::MAX);
    Distribution {
        min: counts.first().copied().unwrap_or_default(),
        mean: sum.checked_div(rows).unwrap_or_default(),
        p50: percentile(counts, 50),
        p95: percentile(counts, 95),
        max: counts.last().copied().unwrap_or_default(),
        sum,
    }
}

/// The smallest count that `percent` of the ordered counts do not exceed (nearest rank).
fn percentile(ordered: &[u32], percent: usize) -> u32 {
    let rank = (ordered.len() * percent).div_ceil(100).saturating_sub(1);
    ordered.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tokens: u32) {
        assert_eq!(estimate(text.as_bytes()), tokens, "{text:?}");
    }

    #[test]
    fn words_digits_and_marks_are_counted() {
        check("", 0);
        check("   ", 0);
        check("cat", 1);
        check("The cat sat.", 4);
        check("internationalisation", 3);
        check("2024", 4);
        check("a\nb", 3);
        check("привет мир", 3);
        check("你好", 2);
        check("😀", 2);
    }

    #[test]
    fn a_distribution_names_nearest_ranks() {
        let mut counts: Vec<u32> = (1..=100).rev().collect();
        let found = distribution(&mut counts);
        let expected = Distribution {
            min: 1,
            mean: 50,
            p50: 50,
            p95: 95,
            max: 100,
            sum: 5050,
        };
        assert_eq!(found, expected);
        assert_eq!(distribution(&mut []), Distribution::default());
        assert_eq!(distribution(&mut [7]).p95, 7);
    }
}
