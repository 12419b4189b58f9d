//! The words of a text, as ROUGE reads them, as numbers.

use super::vocabulary::{PADDING, Vocabulary};

/// The two characters that lower-case to ASCII: the Kelvin sign and the dotted capital I, which becomes
/// `i` and a combining dot.
const KELVIN: char = '\u{212a}';
const DOTTED_I: char = '\u{130}';

/// Reads the runs of `[a-z0-9]` in the lower-cased text, as `rouge_score.tokenize`.
pub(crate) fn ascii_words(
    text: &str,
    vocabulary: &mut Vocabulary,
    buffer: &mut Vec<u8>,
    words: &mut Vec<u32>,
) {
    words.clear();
    buffer.clear();
    if !text.is_ascii() && text.contains([KELVIN, DOTTED_I]) {
        let replaced = text.replace(KELVIN, "k").replace(DOTTED_I, "i ");
        buffer.extend_from_slice(replaced.as_bytes());
    } else {
        buffer.extend_from_slice(text.as_bytes());
    }
    buffer.make_ascii_lowercase();
    let length = buffer.len();
    buffer.resize(length.next_multiple_of(64) + PADDING, 0);
    let mut start = None;
    let (blocks, _padding) = buffer.as_chunks::<64>();
    for (block, at) in blocks.iter().zip((0..).step_by(64)) {
        let mut mask = letters(block);
        let mut position = at;
        // Inside a word its end is looked for, outside of one its start.
        loop {
            if let Some(from) = start {
                let run = mask.trailing_ones();
                if position + run as usize >= at + 64 {
                    break;
                }
                let end = position + run as usize;
                words.push(vocabulary.number(buffer, from, end - from));
                start = None;
                mask >>= run;
                position = end;
            } else if mask == 0 {
                break;
            } else {
                let gap = mask.trailing_zeros();
                mask >>= gap;
                position += gap as usize;
                start = Some(position);
            }
        }
    }
    if let Some(from) = start {
        words.push(vocabulary.number(buffer, from, length - from));
    }
}

/// A bit for each byte: whether it is a lower-case letter or a digit.
#[inline]
fn letters(block: &[u8; 64]) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, byte) in flags.iter_mut().zip(block) {
        let is_letter = byte.wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        *flag = u8::from(is_letter | is_digit);
    }
    let (eights, _none) = flags.as_chunks::<8>();
    eights.iter().rev().fold(0, |mask, eight| {
        // Moves the lowest bit of byte i to bit 56 + i.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask << 8 | bits
    })
}

/// Reads the words of any script: runs of letters, marks and digits in the lower-cased text. Each
/// character of the scripts that write without spaces is a word.
pub(crate) fn unicode_words(text: &str, vocabulary: &mut Vocabulary, words: &mut Vec<u32>) {
    words.clear();
    let lower = text.to_lowercase();
    let mut start = None;
    for (at, character) in lower.char_indices() {
        let is_alone = is_written_without_spaces(character);
        let is_inside = !is_alone && continues_word(character);
        if !is_inside && let Some(from) = start.take() {
            words.push(vocabulary.number_of(lower.get(from..at).unwrap_or_default()));
        }
        if is_alone {
            let end = at + character.len_utf8();
            words.push(vocabulary.number_of(lower.get(at..end).unwrap_or_default()));
        } else if is_inside && start.is_none() {
            start = Some(at);
        }
    }
    if let Some(from) = start {
        words.push(vocabulary.number_of(lower.get(from..).unwrap_or_default()));
    }
}

/// Letters, digits, and marks that Unicode counts as alphabetic; the other combining marks by block,
/// such as accents and the virama of Indic scripts.
fn continues_word(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(
            character,
            '\u{300}'..='\u{36f}'
                | '\u{591}'..='\u{5bd}'
                | '\u{93c}'
                | '\u{94d}'
                | '\u{9bc}'
                | '\u{9cd}'
                | '\u{a4d}'
                | '\u{acd}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
                | '\u{1dc0}'..='\u{1dff}'
                | '\u{200c}'..='\u{200d}'
        )
}

/// Han, kana, Thai, Lao, Khmer and Myanmar.
fn is_written_without_spaces(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}'
    ) && character.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::vocabulary::Numbering;

    #[track_caller]
    fn check(text: &str, expected: &[u32]) {
        let mut vocabulary = Vocabulary::new(Numbering::Word);
        let (mut buffer, mut words) = (Vec::new(), Vec::new());
        ascii_words(text, &mut vocabulary, &mut buffer, &mut words);
        assert_eq!(words, expected, "{text}");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        check("", &[]);
        check(" -é- ", &[]);
        check("A cat, a CAT", &[0, 1, 0, 1]);
        check("20\u{212a} 20k \u{130}stanbul", &[0, 0, 1, 2]);
        // Words that end at, start at and cross the 64th byte.
        for before in 55..70 {
            check(
                &format!("{}abc abc{}", "-".repeat(before), " ".repeat(9)),
                &[0, 0],
            );
            check(&format!("{}abc", "-".repeat(before)), &[0]);
        }
        check(&"x".repeat(64), &[0]);
        check(&"x".repeat(200), &[0]);
        check(&format!("{0} {0}", "x".repeat(128)), &[0, 0]);
    }

    #[test]
    fn words_of_other_scripts_are_read() {
        let read = |text: &str| {
            let mut words = Vec::new();
            unicode_words(text, &mut Vocabulary::new(Numbering::Word), &mut words);
            words
        };
        assert_eq!(read("Привет, МИР! привет"), [0, 1, 0]);
        assert_eq!(read("東京は東"), [0, 1, 2, 0]);
        assert_eq!(read("हिन्दी हिन्दी"), [0, 0]);
        assert_eq!(read("cafe\u{301} x"), [0, 1]);
        assert_eq!(read("日本のGPU。"), [0, 1, 2, 3]);
        assert_eq!(read(" … "), [0_u32; 0]);
    }
}
