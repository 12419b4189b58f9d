//! Knows a question again although it is written differently: in another case, with other
//! punctuation, hyphens or spaces, in another Unicode form.
//!
//! Only the order of the words counts, each without its case. Words are runs of letters, digits and
//! mathematical signs, among them a hyphen before a digit: `3+4` and `3-4` are different questions.
//! Text beyond ASCII is normalised by NFKC first. Other parts, such as files and calls of functions,
//! count byte by byte.

use std::ops::Range;

use fearless_simd::{Level, dispatch, prelude::*, u8x64};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    blocks::{BLOCK, Blocks},
    example::{Example, Part, Role, Turn},
    json::{self, Text},
    sketch::{fold, mix},
};

/// Signs that are part of what is said, in ASCII and beyond.
const SIGNS: &[u8; 10] = b"+*/=<>%^&|";
const FURTHER_SIGNS: &[char] = &['−', '×', '÷', '≤', '≥', '≠', '±', '√', '€', '£', '¥'];

/// The case of ASCII letters; digits and signs have the bit or do not need it.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// Separates turns, roles and kinds of parts from each other.
const USER: u64 = 0x5DEE_CE66_D151_7C01;
const MODEL: u64 = 0x2545_F491_4F6C_DD1D;
const OTHER: u64 = 0x9E37_79B9_7F4A_7C15;

/// What an example asks, each time before the model answers.
#[derive(Debug, Default)]
pub(crate) struct FoldedQuestions {
    /// The digest of everything before the last turn.
    pub(crate) question: u64,
    /// The digests of everything before the other turns of the model, which is trained on them too.
    pub(crate) earlier: Vec<u64>,
}

impl FoldedQuestions {
    /// The questions of `example`, in which `system` is the instruction.
    pub(crate) fn of(example: &Example<'_>, system: Option<&Text<'_>>) -> Self {
        let mut state = FoldedHash::default();
        if let Some(system) = system {
            state.text(system);
        }
        let mut questions = Self::default();
        let last = example.turns.len().saturating_sub(1);
        for (index, turn) in example.turns.iter().enumerate() {
            if index == last {
                break;
            }
            if turn.role == Role::Model && index > 0 {
                questions.earlier.push(state.digest());
            }
            state.turn(turn);
        }
        questions.question = state.digest();
        questions
    }
}

/// A running digest of words.
#[derive(Debug, Clone, Copy, Default)]
struct FoldedHash {
    hash: u64,
}

impl FoldedHash {
    fn digest(self) -> u64 {
        mix(self.hash)
    }

    fn turn(&mut self, turn: &Turn<'_>) {
        self.add(match turn.role {
            Role::User => USER,
            Role::Model => MODEL,
        });
        for part in &turn.parts {
            match part {
                Part::Text(text) => self.text(text),
                Part::Other(key, object) => {
                    self.add(OTHER);
                    let mut written = key.as_bytes().to_vec();
                    for (key, node) in &object.members {
                        json::write_key(key, &mut written);
                        json::write(&node.value, &mut written);
                    }
                    self.add(word(&written, 0..written.len(), 0));
                }
            }
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        let escaped = text.escaped();
        let before = self.hash;
        dispatch!(Level::new(), simd => self.words(simd, escaped));
        // A question of signs only: there is nothing else to know it by.
        if self.hash == before {
            self.add(word(escaped.as_bytes(), 0..escaped.len(), 0));
        }
    }

    /// Adds a run of letters in which some are beyond ASCII.
    fn run(&mut self, run: &str) {
        match lower_letters(run) {
            Some((letters, length)) => self.add(word(&letters, 0..length, 0)),
            None => self.unicode(run),
        }
    }

    /// Adds the words of a text beyond ASCII, character by character.
    fn unicode(&mut self, text: &str) {
        let mut run = String::new();
        let folded = text.nfkc().flat_map(char::to_lowercase);
        let mut folded = folded.chain(std::iter::once(' ')).peekable();
        while let Some(c) = folded.next() {
            let is_sign = u8::try_from(c).is_ok_and(|byte| SIGNS.contains(&byte));
            let is_minus = c == '-' && folded.peek().is_some_and(char::is_ascii_digit);
            if c.is_alphanumeric() || is_sign || is_minus || FURTHER_SIGNS.contains(&c) {
                run.push(c);
            } else if !run.is_empty() {
                self.add(word(run.as_bytes(), 0..run.len(), lower_of(&run)));
                run.clear();
            }
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "inlined so that it is compiled for each instruction set"
    )]
    #[inline(always)]
    fn words<S: Simd>(&mut self, simd: S, text: &str) {
        let bytes = text.as_bytes();
        let (mut word_before, mut escape_before) = (0, 0);
        let (mut open, mut base) = (0, 0);
        // Whether the word that is open has a letter beyond ASCII in an earlier block.
        let mut open_high = false;
        // After the last block there is whitespace, so that every word ends.
        let blocks = Blocks::of(bytes);
        let [whole, last] = blocks.pieces();
        let end: &[_] = &[[b' '; BLOCK]];
        for block in [whole, last, end].into_iter().flatten() {
            let bytes_of = u8x64::from_slice(simd, block);
            let letters = ((bytes_of | 0x20) - b'a').simd_le(b'z' - b'a').to_bitmask();
            let backslash = bytes_of.simd_eq(b'\\').to_bitmask();
            // The letter of an escape is not part of a word.
            let escaped = backslash << 1 | escape_before;
            // The signs of `SIGNS` and the digits, of which `/` is the neighbour.
            let digits = (bytes_of - b'/').simd_le(b'9' - b'/').to_bitmask();
            let signs = (bytes_of - b'%').simd_le(b'&' - b'%').to_bitmask()
                | (bytes_of - b'*').simd_le(b'+' - b'*').to_bitmask()
                | (bytes_of - b'<').simd_le(b'>' - b'<').to_bitmask()
                | bytes_of.simd_eq(b'^').to_bitmask()
                | bytes_of.simd_eq(b'|').to_bitmask();
            let mut hyphens = bytes_of.simd_eq(b'-').to_bitmask();
            let mut minus = 0;
            while hyphens != 0 {
                let at = hyphens.trailing_zeros();
                if bytes
                    .get(base + at as usize + 1)
                    .is_some_and(u8::is_ascii_digit)
                {
                    minus |= 1 << at;
                }
                hyphens &= hyphens - 1;
            }
            // Words with a letter beyond ASCII are read once more, character by character.
            let high = bytes_of.simd_ge(0x80).to_bitmask();
            let words = (letters | digits | signs | minus | high) & !escaped;
            let shifted = words << 1 | word_before;
            (word_before, escape_before) = (words >> (BLOCK - 1), backslash >> (BLOCK - 1));
            let (mut starts, mut ends) = (words & !shifted, shifted & !words);
            // What of `high` belongs to words that have not ended.
            let mut high_left = high;
            while ends != 0 {
                // At most 63.
                let end = ends.trailing_zeros();
                let start = starts.trailing_zeros();
                if start < end {
                    open = base + start as usize;
                    starts &= starts - 1;
                }
                let range = open..base + end as usize;
                let before_end = (1 << end) - 1;
                if open_high || high_left & before_end != 0 {
                    if let Some(run) = text.get(range) {
                        self.run(run);
                    }
                    (open_high, high_left) = (false, high_left & !before_end);
                } else {
                    self.add(word(bytes, range, LOWER));
                }
                ends &= ends - 1;
            }
            open_high |= high_left != 0;
            if starts != 0 {
                open = base + starts.trailing_zeros() as usize;
            }
            base += BLOCK;
        }
    }

    #[inline]
    fn add(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// What makes the letters of a word lower-case: nothing beyond ASCII, where they are so already.
fn lower_of(word: &str) -> u64 {
    if word.is_ascii() { LOWER } else { 0 }
}

/// The hash of the word at `range`, whose letters `lower` makes lower-case.
#[inline]
fn word(bytes: &[u8], range: Range<usize>, lower: u64) -> u64 {
    let length = range.len();
    // Nearly all words are shorter than eight bytes and have as many after their start.
    if (1..8).contains(&length)
        && let Some(eight) = bytes.get(range.start..).and_then(<[u8]>::first_chunk)
    {
        let others = 64 - 8 * length;
        return (u64::from_le_bytes(*eight) | lower) << others >> others;
    }
    let whole = bytes.get(range).unwrap_or_default();
    let (mut hash, mut rest) = (0, whole);
    while let Some((eight, more)) = rest.split_first_chunk() {
        hash = fold(hash, u64::from_le_bytes(*eight) | lower);
        rest = more;
    }
    let others = 64 - 8 * rest.len();
    match whole.last_chunk() {
        // The rest is read with the bytes before it.
        Some(eight) if !rest.is_empty() => {
            fold(hash, (u64::from_le_bytes(*eight) | lower) >> others)
        }
        Some(_) => hash,
        None => {
            let bytes = rest.iter().rev();
            let piece = bytes.fold(0, |piece, byte| piece << 8 | u64::from(*byte));
            (piece | lower) << (others % 64) >> (others % 64)
        }
    }
}

/// Longest run that is made lower-case in place: four words of most languages.
const RUN_MAX: usize = 64;

/// A run of letters in lower case, and its length in bytes; `None` where that takes more than a look at
/// each letter. These letters are the same in every Unicode form, alone and side by side.
fn lower_letters(run: &str) -> Option<([u8; RUN_MAX], usize)> {
    let mut letters = [0; RUN_MAX];
    let mut length = 0;
    for letter in run.chars() {
        let lower = match letter {
            'a'..='z' | '0'..='9' | 'ß'..='ö' | 'ø'..='ÿ' | 'а'..='я'
            // Kana, and the characters of Chinese, Japanese and Korean.
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' => letter,
            'A'..='Z' | 'À'..='Ö' | 'Ø'..='Þ' | 'А'..='Я' => {
                char::from_u32(u32::from(letter) + 0x20)?
            }
            _ => return None,
        };
        let room = letters.get_mut(length..length + lower.len_utf8())?;
        length += lower.encode_utf8(room).len();
    }
    Some((letters, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::location::Location;

    fn of(text: &str) -> u64 {
        let location = Location::of("input", 0);
        let mut state = FoldedHash::default();
        state.turn(&Turn::text(Role::User, Text::of(text), location));
        state.digest()
    }

    #[test]
    fn case_punctuation_hyphens_and_forms_do_not_count() {
        let expected = of("My top up number 7 has not gone through");
        for text in [
            "my top-up number 7 has not gone through?",
            "  My top  up\nnumber 7 -- has not gone through!",
            "MY “TOP–UP” NUMBER 7 HAS NOT GONE THROUGH…",
            "My ｔｏｐ up number ７ has not gone through",
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(of("café"), of("CAFE\u{301}"));
        assert_eq!(of("straße 5"), of("Straße, 5"));
    }

    #[test]
    fn words_and_their_order_count() {
        let texts = [
            "My top up number 7",
            "My top up number 8",
            "My number 7 top up",
            "My topup number 7",
            "",
            "?",
            "!!",
            "7",
            "a considerably longer-than-usual word: internationalisation",
            "a considerably longer-than-usual word: internationalization",
            "What is 3+4?",
            "What is 3-4?",
            "What is 3 4?",
            "What is 3×4?",
            "данные модель",
            "модель данные",
            "дaнныe модель",
            "数据",
            "数掮",
        ];
        for (index, text) in texts.iter().enumerate() {
            for other in &texts[..index] {
                assert_ne!(of(text), of(other), "{text:?} {other:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn letters_are_read_alike_by_both_ways(
            text in "[a-zA-Z0-9À-ÖØ-öø-ÿА-яぁ-ゖァ-ヺ一-鿿]{1,24}",
        ) {
            if let Some((letters, length)) = lower_letters(&text) {
                let mut slow = FoldedHash::default();
                slow.unicode(&text);
                let mut fast = FoldedHash::default();
                fast.add(word(&letters, 0..length, lower_of(&text)));
                prop_assert_eq!(fast.digest(), slow.digest());
            }
        }

        #[test]
        fn any_text_is_read_alike_wherever_it_begins(
            text in "[a-zé数 .-]{0,90}", before in 0..70_usize,
        ) {
            let shifted = format!("{}{text}", ".".repeat(before));
            let mut here = FoldedHash::default();
            dispatch!(Level::new(), simd => here.words(simd, &text));
            let mut there = FoldedHash::default();
            dispatch!(Level::new(), simd => there.words(simd, &shifted));
            prop_assert_eq!(here.digest(), there.digest());
            let mut slow = FoldedHash::default();
            slow.unicode(&text);
            prop_assert_eq!(here.digest(), slow.digest());
        }

        #[test]
        fn ascii_is_read_alike_by_both_ways(text in "[a-zA-Z0-9 \"\n\t.+<-]{0,200}") {
            let mut fast = FoldedHash::default();
            fast.text(&Text::of(&text));
            let mut slow = FoldedHash::default();
            slow.unicode(&text);
            let any = text.chars().any(char::is_alphanumeric);
            prop_assert!(!any || fast.hash == slow.hash, "{:?}", text);
        }
    }
}
