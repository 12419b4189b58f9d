//! Estimates how many tokens a text is, without asking the service.
//!
//! It is an estimate and says so wherever it is shown. Gemini's tokenizer is not published; its
//! open sibling's (Gemma's) behaves like this on ordinary text: a short word with the blank before
//! it is one token, a digit is one, a mark is one, a CJK character about one. Counted so, English
//! prose comes to about one token per four characters, the figure Google gives
//! (ai.google.dev, "Understand and count tokens").

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

use crate::blocks::{BLOCK, Blocks};

/// Letters of a word, on average over a text, that its first token covers.
const LETTERS_IN_FIRST_TOKEN: u32 = 6;

/// Letters per token beyond those.
const LETTERS_PER_TOKEN: u32 = 7;

/// Tokens per letter, where a letter takes two bytes (Cyrillic, Greek, Arabic, accented Latin), as
/// a fraction: a word of six such letters is two or three tokens.
const WIDE_TOKENS: (u32, u32) = (2, 5);

/// Bytes of a text that are counted one and all; of what comes after, every fourth block of
/// [`SAMPLE_BYTES`] stands for its three followers. Rules of thumb do not get better by the dozen.
const COUNTED_BYTES: usize = 512;

/// Bytes of such a block: some sentences.
const SAMPLE_BYTES: usize = 256;

/// Blocks of which one is counted.
const SAMPLE_ONE_IN: usize = 4;

/// How the estimate is made, for reports.
pub(crate) const METHOD: &str = "estimate: a token per word, per 7 letters of long words, per digit, per mark; of long texts a part is counted";

/// Estimated tokens of a text as it is written in JSON; depends on nothing but its bytes.
pub(crate) fn estimate(escaped: &[u8]) -> u32 {
    dispatch!(Level::new(), simd => estimate_by(simd, escaped))
}

#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn estimate_by<S: Simd>(simd: S, escaped: &[u8]) -> u32 {
    let (whole, long) = escaped.split_at(escaped.len().min(COUNTED_BYTES));
    let counted = count(simd, whole).tokens();
    if long.is_empty() {
        return counted;
    }
    let mut sampled = Counts::default();
    let mut bytes = 0;
    for sample in long.chunks(SAMPLE_BYTES).step_by(SAMPLE_ONE_IN) {
        sampled.add(&count(simd, sample));
        bytes += sample.len();
    }
    let scaled = u64::from(sampled.tokens()) * u64::try_from(long.len()).unwrap_or(u64::MAX)
        / u64::try_from(bytes).unwrap_or(u64::MAX).max(1);
    counted.saturating_add(u32::try_from(scaled).unwrap_or(u32::MAX))
}

/// Counts all of `escaped`.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn count<S: Simd>(simd: S, escaped: &[u8]) -> Counts {
    let mut counts = Counts::default();
    let mut before = TokenCarry::default();
    for piece in Blocks::of(escaped).pieces() {
        for block in piece {
            counts.add_block(simd, block, &mut before);
        }
    }
    counts
}

/// What is counted in a text.
#[derive(Debug, Default)]
struct Counts {
    /// Digits, marks and characters of three bytes; twice those of four.
    tokens: u32,
    letters: u32,
    words: u32,
    /// Characters of two bytes.
    wide: u32,
}

/// Properties of the previous block's last byte, in the lowest bit.
#[derive(Default)]
struct TokenCarry {
    backslash: u64,
    letter: u64,
}

impl Counts {
    /// What it comes to.
    fn tokens(&self) -> u32 {
        let long = self
            .letters
            .saturating_sub(self.words * LETTERS_IN_FIRST_TOKEN);
        let (numerator, denominator) = WIDE_TOKENS;
        let wide = (self.wide * numerator).div_ceil(denominator);
        self.tokens + self.words + long / LETTERS_PER_TOKEN + wide
    }

    fn add(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.letters += other.letters;
        self.words += other.words;
        self.wide += other.wide;
    }

    #[expect(
        clippy::inline_always,
        reason = "inlined so that it is compiled for each instruction set"
    )]
    #[inline(always)]
    fn add_block<S: Simd>(&mut self, simd: S, block: &[u8; BLOCK], before: &mut TokenCarry) {
        let bytes = u8x64::from_slice(simd, block);
        let letters = ((bytes | 0x20) - b'a').simd_le(b'z' - b'a').to_bitmask();
        let visible = (bytes - b'!').simd_le(b'~' - b'!') & !bytes.simd_eq(b'"');
        // The letter of an escape belongs to its backslash, which counts as a mark; a quote does
        // not count, since it has a backslash before it.
        let backslash = bytes.simd_eq(b'\\').to_bitmask();
        let letter = letters & !(backslash << 1 | before.backslash);
        let first_letter = letter & !(letter << 1 | before.letter);
        self.letters += letter.count_ones();
        self.words += first_letter.count_ones();
        self.tokens += (visible.to_bitmask() & !letters).count_ones();
        // In most scripts of the West, most blocks have no such bytes.
        let lead = bytes.simd_ge(0xC0).to_bitmask();
        if lead != 0 {
            let three_or_more = bytes.simd_ge(0xE0).to_bitmask();
            let four = bytes.simd_ge(0xF0).to_bitmask();
            self.tokens += three_or_more.count_ones() + four.count_ones();
            self.wide += (lead & !three_or_more).count_ones();
        }
        *before = TokenCarry {
            backslash: backslash >> (BLOCK - 1),
            letter: letter >> (BLOCK - 1),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Text;

    #[track_caller]
    fn check(text: &str, tokens: u32) {
        let escaped = Text::of(text);
        assert_eq!(estimate(escaped.escaped().as_bytes()), tokens, "{text:?}");
    }

    /// The same, one byte after the other.
    fn plain_count(escaped: &[u8]) -> u32 {
        let at = |index: usize, back: usize| {
            let index = index.checked_sub(back);
            index.map_or(b' ', |index| escaped[index])
        };
        let letter = |index: usize, back: usize| {
            at(index, back).is_ascii_alphabetic() && at(index, back + 1) != b'\\'
        };
        let mut counts = Counts::default();
        for index in 0..escaped.len() {
            let byte = at(index, 0);
            let mark = byte.is_ascii_graphic() && !byte.is_ascii_alphabetic() && byte != b'"';
            counts.tokens += u32::from(mark) + u32::from(byte >= 0xE0) + u32::from(byte >= 0xF0);
            counts.letters += u32::from(letter(index, 0));
            counts.words += u32::from(letter(index, 0) && !letter(index, 1));
            counts.wide += u32::from((0xC0..0xE0).contains(&byte));
        }
        let long = counts.letters.saturating_sub(counts.words * 6) / 7;
        counts.tokens + counts.words + long + (counts.wide * 2).div_ceil(5)
    }

    proptest! {
        #[test]
        fn blocks_count_as_a_plain_loop_does(text in r#"[a-z]{0,9}[ -~é我😀\n\"]{0,90}"#, times in 1_usize..40) {
            let text = Text::of(&text.repeat(times));
            let escaped = text.escaped().as_bytes();
            let counts = dispatch!(Level::new(), simd => count(simd, escaped));
            prop_assert_eq!(counts.tokens(), plain_count(escaped));
        }
    }

    #[test]
    fn a_long_text_is_estimated_as_its_parts_are() {
        let part = "The quick brown fox, number 42, jumps over the “lazy” dog.\n";
        let text = Text::of(&part.repeat(1_000));
        let (whole, all) = (
            estimate(text.escaped().as_bytes()),
            plain_count(text.escaped().as_bytes()),
        );
        assert!(
            whole.abs_diff(all) * 50 < all,
            "{whole} is not within 2 % of {all}"
        );
    }

    #[test]
    fn words_digits_and_marks_are_counted() {
        check("", 0);
        check("   ", 0);
        check("cat", 1);
        check("The cat sat.", 4);
        check("internationalisation", 3);
        check("2024", 4);
        check("a\n\nb", 4);
        check("say \"so\"", 4);
        check("привет мир", 4);
        check("你好", 2);
        check("😀", 2);
    }
}
