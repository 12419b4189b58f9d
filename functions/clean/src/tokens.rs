//! Estimates how many tokens a text is, without asking the service.
//!
//! It is an estimate and says so wherever it is shown. Gemini's tokenizer is not published; its
//! open sibling's (Gemma's) behaves like this on ordinary text: a short word with the blank before
//! it is one token, a digit is one, a mark is one, a CJK character about one. Counted so, English
//! prose comes to about one token per four characters, the figure Google gives
//! (ai.google.dev, "Understand and count tokens").

use wide::u8x16;

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

/// Bytes looked at together, a lane each.
const LANES: usize = 16;

/// Steps after which lanes of eight bits are summed up: a step adds at most two to a lane.
const STEPS_MAX: usize = 127;

/// How the estimate is made, for reports.
pub(crate) const METHOD: &str =
    "estimate: a token per word, per 7 letters of long words, per digit, per mark";

/// Estimated tokens of a text as it is written in JSON; depends on nothing but its bytes.
pub(crate) fn estimate(escaped: &[u8]) -> u32 {
    let (whole, long) = escaped.split_at(escaped.len().min(COUNTED_BYTES));
    let counted = count(whole).tokens();
    if long.is_empty() {
        return counted;
    }
    let mut sampled = Counts::default();
    let mut bytes = 0;
    for block in long.chunks(SAMPLE_BYTES).step_by(SAMPLE_ONE_IN) {
        sampled.add_counts(&count(block));
        bytes += block.len();
    }
    let scaled = u64::from(sampled.tokens()) * u64::try_from(long.len()).unwrap_or(u64::MAX)
        / u64::try_from(bytes).unwrap_or(u64::MAX).max(1);
    counted.saturating_add(u32::try_from(scaled).unwrap_or(u32::MAX))
}

/// Counts all of `escaped`.
fn count(escaped: &[u8]) -> Counts {
    let mut counts = Counts::default();
    // Every byte is looked at with the two before it; before the first there are blanks.
    let mut start = [b' '; LANES + 2];
    let (head, rest) = escaped.split_at(escaped.len().min(LANES));
    copy(start.get_mut(2..), head);
    counts.add(&start);
    if !rest.is_empty() {
        let steps = escaped.get(LANES - 2..).unwrap_or_default();
        let whole = rest.len() / LANES;
        counts.add_all(steps, whole);
        let mut end = [b' '; LANES + 2];
        copy(
            Some(&mut end),
            steps.get(whole * LANES..).unwrap_or_default(),
        );
        counts.add(&end);
    }
    counts
}

fn copy(into: Option<&mut [u8]>, from: &[u8]) {
    for (place, byte) in into.into_iter().flatten().zip(from) {
        *place = *byte;
    }
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

/// The same, lane by lane.
#[derive(Default)]
struct Lanes {
    tokens: u8x16,
    letters: u8x16,
    words: u8x16,
    wide: u8x16,
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

    fn add_counts(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.letters += other.letters;
        self.words += other.words;
        self.wide += other.wide;
    }

    /// Counts `steps` times as many bytes as there are lanes; the two before them come first.
    fn add_all(&mut self, mut bytes: &[u8], steps: usize) {
        let mut left = steps;
        while left > 0 {
            let some = left.min(STEPS_MAX);
            let mut lanes = Lanes::default();
            for _ in 0..some {
                let Some(step) = bytes.first_chunk() else {
                    break;
                };
                lanes.add(step);
                bytes = bytes.get(LANES..).unwrap_or_default();
            }
            self.sum(&lanes);
            left -= some;
        }
    }

    fn add(&mut self, step: &[u8; LANES + 2]) {
        let mut lanes = Lanes::default();
        lanes.add(step);
        self.sum(&lanes);
    }

    fn sum(&mut self, lanes: &Lanes) {
        let sum = |lanes: u8x16| {
            lanes
                .to_array()
                .iter()
                .map(|lane| u32::from(*lane))
                .sum::<u32>()
        };
        self.tokens += sum(lanes.tokens);
        self.letters += sum(lanes.letters);
        self.words += sum(lanes.words);
        self.wide += sum(lanes.wide);
    }
}

impl Lanes {
    fn add(&mut self, step: &[u8; LANES + 2]) {
        let [_, _, here @ ..] = step;
        let [_, before @ .., _] = step;
        let [before_that @ .., _, _] = step;
        let (here, before) = (u8x16::new(*here), u8x16::new(*before));
        // Where a comparison holds, a lane is 255: to subtract that is to add one. The letter of
        // an escape belongs to its backslash, which counts as a mark; a quote does not count,
        // since it has a backslash before it.
        let backslash = u8x16::splat(b'\\');
        let escaped = before.simd_eq(backslash);
        let escaped_before = u8x16::new(*before_that).simd_eq(backslash);
        let letters = is_letter(here);
        let letter = letters & !escaped;
        let letter_before = is_letter(before) & !escaped_before;
        let visible = is_within(here, b'!', 0x7E) & !here.simd_eq(u8x16::splat(b'"'));
        self.letters -= letter;
        self.words -= letter & !letter_before;
        self.tokens -= visible & !letters;
        // In most scripts of the West, most steps have no such bytes.
        let high = u8x16::splat(0x80);
        if here.max(high).simd_eq(here).to_bitmask() != 0 {
            self.tokens -= is_within(here, 0xE0, 0xFF);
            self.tokens -= is_within(here, 0xF0, 0xFF);
            self.wide -= is_within(here, 0xC0, 0xDF);
        }
    }
}

fn is_letter(bytes: u8x16) -> u8x16 {
    is_within(bytes | u8x16::splat(0x20), b'a', b'z')
}

fn is_within(bytes: u8x16, first: u8, last: u8) -> u8x16 {
    let offset = bytes - u8x16::splat(first);
    offset.min(u8x16::splat(last - first)).simd_eq(offset)
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
        fn lanes_count_as_a_plain_loop_does(text in r#"[a-z]{0,9}[ -~é我😀\n\"]{0,90}"#, times in 1_usize..40) {
            let text = Text::of(&text.repeat(times));
            let escaped = text.escaped().as_bytes();
            prop_assert_eq!(count(escaped).tokens(), plain_count(escaped));
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
