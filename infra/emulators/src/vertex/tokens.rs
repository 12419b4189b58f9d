//! The estimated number of tokens of a text, the same everywhere in this emulator.
//!
//! Gemini's tokenizer is not public. Google's rule of thumb is four characters per token; scripts
//! outside ASCII are closer to one and a half.

use super::number::{count, real, whole};

/// ASCII characters per token: "about 4 characters" in Google's token guide.
const ASCII_PER_TOKEN: f64 = 4.0;
/// Characters outside ASCII per token.
const OTHER_PER_TOKEN: f64 = 1.5;

/// The estimate for `text`; at least 1 for a text that is not empty.
pub(super) fn estimate(text: &str) -> u64 {
    // Nearly every text is all ASCII, which is checked much faster than characters are counted.
    let ascii = if text.is_ascii() {
        text.len()
    } else {
        text.bytes().filter(u8::is_ascii).count()
    };
    let all = text.chars().count();
    let tokens = real(count(ascii)) / ASCII_PER_TOKEN + real(count(all - ascii)) / OTHER_PER_TOKEN;
    whole(tokens.ceil())
}

/// The first `tokens` tokens of `text`, and whether anything was cut.
pub(super) fn truncate(text: &str, tokens: u64) -> (&str, bool) {
    if estimate(text) <= tokens {
        return (text, false);
    }
    let mut used = 0.0;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        used += if character.is_ascii() {
            1.0 / ASCII_PER_TOKEN
        } else {
            1.0 / OTHER_PER_TOKEN
        };
        if used > real(tokens) {
            break;
        }
        end = at + character.len_utf8();
    }
    (text.get(..end).unwrap_or(text), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tokens: u64) {
        assert_eq!(estimate(text), tokens, "{text:?}");
    }

    #[test]
    fn tokens_are_estimated_from_characters() {
        check("", 0);
        check("a", 1);
        check("four", 1);
        check("eight ch", 2);
        check("日本語", 2);
    }

    #[test]
    fn a_truncated_text_has_the_requested_tokens() {
        assert_eq!(truncate("short", 10), ("short", false));
        let (cut, was_cut) = truncate("one two three four five", 2);
        assert_eq!((cut, was_cut), ("one two ", true));
        assert_eq!(truncate("anything", 0), ("", true));
    }
}
