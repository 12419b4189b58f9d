//! Estimates how many tokens a text is, without asking the service.
//!
//! It is an estimate and says so wherever it is shown. Gemini's tokenizer is not published; its
//! open sibling's (Gemma's) behaves like this on ordinary text: a short word with the blank before
//! it is one token, a digit is one, a mark is one, a CJK character about one. Counted so, English
//! prose comes to about one token per four characters, the figure Google gives
//! (ai.google.dev, "Understand and count tokens").

/// Letters of a word, on average over a text, that its first token covers.
const LETTERS_IN_FIRST_TOKEN: u32 = 6;

/// Letters per token beyond those.
const LETTERS_PER_TOKEN: u32 = 7;

/// Tokens per letter, where a letter takes two bytes (Cyrillic, Greek, Arabic, accented Latin), as
/// a fraction: a word of six such letters is two or three tokens.
const WIDE_TOKENS: (u32, u32) = (2, 5);

/// Bytes counted in lanes of eight bits before they are summed up: no lane can run over.
const LANES_BYTES: usize = 96;

/// How the estimate is made, for reports.
pub(crate) const METHOD: &str =
    "estimate: a token per word, per 7 letters of long words, per digit, per mark";

/// Estimated tokens of a text as it is written in JSON; depends on nothing but its bytes.
///
/// Written so that a compiler turns it into vector instructions: no branch, lanes of a byte.
pub(crate) fn estimate(escaped: &[u8]) -> u32 {
    let (mut tokens, mut letters, mut words, mut wide) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut before = *b"  ";
    for block in escaped.chunks(LANES_BYTES) {
        let counts = count(block, before);
        tokens += u32::from(counts.tokens);
        letters += u32::from(counts.letters);
        words += u32::from(counts.words);
        wide += u32::from(counts.wide);
        if let Some(last) = block.last_chunk() {
            before = *last;
        }
    }
    let long = letters.saturating_sub(words * LETTERS_IN_FIRST_TOKEN);
    let (numerator, denominator) = WIDE_TOKENS;
    tokens + words + long / LETTERS_PER_TOKEN + (wide * numerator).div_ceil(denominator)
}

/// Counts of a few bytes.
#[derive(Default)]
struct Counts {
    /// Digits, marks and characters of three bytes; twice those of four.
    tokens: u8,
    letters: u8,
    words: u8,
    wide: u8,
}

/// Counts `block`, given the two bytes before it.
fn count(block: &[u8], before: [u8; 2]) -> Counts {
    // The block with what is before it, so that every byte sees its two predecessors.
    let mut bytes = [0; LANES_BYTES + 2];
    let [first, second, rest @ ..] = &mut bytes;
    [*first, *second] = before;
    for (place, byte) in rest.iter_mut().zip(block) {
        *place = *byte;
    }
    let (_, one_back) = bytes.split_at(1);
    let (_, here) = bytes.split_at(2);
    let mut counts = Counts::default();
    for ((byte, previous), second_last) in here.iter().zip(one_back).zip(&bytes) {
        // The letter of an escape belongs to its backslash, which counts as a mark; a quote does
        // not, since it has a backslash before it.
        let letter = is_letter(*byte) & u8::from(*previous != b'\\');
        let letter_before = is_letter(*previous) & u8::from(*second_last != b'\\');
        let mark = u8::from(*byte > b' ') & u8::from(*byte < 0x7F) & u8::from(*byte != b'"');
        counts.tokens += mark & (is_letter(*byte) ^ 1);
        counts.tokens += u8::from(*byte >= 0xE0) + u8::from(*byte >= 0xF0);
        counts.letters += letter;
        counts.words += letter & (letter_before ^ 1);
        counts.wide += u8::from(*byte & 0xE0 == 0xC0);
    }
    counts
}

fn is_letter(byte: u8) -> u8 {
    u8::from((byte | 0x20).wrapping_sub(b'a') < 26)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Text;

    #[track_caller]
    fn check(text: &str, tokens: u32) {
        let escaped = Text::of(text);
        assert_eq!(estimate(escaped.escaped().as_bytes()), tokens, "{text:?}");
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
