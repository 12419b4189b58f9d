//! A row's content in a few bytes, by which near-duplicates are found.
//!
//! The sketch is a one-permutation `MinHash` (Li, Owen and Zhang, 2012) over shingles of three
//! words, with empty bins filled from others (Shrivastava, 2017): the share of bins that two
//! sketches have in common estimates the share of shingles that the two rows have in common.

use std::ops::Range;

use fearless_simd::{Level, dispatch, prelude::*, u8x64};
use serde::{Deserialize, Serialize};

use crate::{
    blocks::{BLOCK, Blocks},
    example::{Example, Turn},
    json::Text,
};

/// Bins of a sketch.
const BINS: usize = 64;

/// Bands of a sketch: two rows are compared if all bins of any one band are equal. Rows with 80 %
/// in common are compared in 95 of 100 cases, rows with half in common in 15.
pub(crate) const BANDS: usize = 10;

/// Bins of a band.
const BAND_BINS: usize = 6;

/// Fewest words of a row whose near-duplicates are known by words: with fewer, a single word makes too
/// much of a difference.
const RUNS_MIN: u32 = 24;

/// Bins that two sketches must have in common: 80 % of the shingles, and one in sixteen of the
/// other bins by chance.
const COMMON_BINS_MIN: u32 = 52;

/// A compact representation of a row's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sketch {
    /// Rows that are equal in one of these may be near-duplicates.
    pub(crate) bands: [u32; BANDS],
    /// Compares such rows.
    pub(crate) digest: Digest,
}

/// Four bits of each bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest([u64; BINS / 16]);

impl Digest {
    /// Whether two rows are near-duplicates.
    pub(crate) fn is_near(self, other: Self) -> bool {
        let pairs = self.0.iter().zip(other.0);
        let common: u32 = pairs
            .map(|(ours, theirs)| equal_nibbles(ours ^ theirs))
            .sum();
        common >= COMMON_BINS_MIN
    }
}

/// How many of the 16 groups of four bits are zero.
fn equal_nibbles(difference: u64) -> u32 {
    let any = difference | difference >> 1 | difference >> 2 | difference >> 3;
    16 - (any & 0x1111_1111_1111_1111).count_ones()
}

impl Sketch {
    /// The sketch of the questions and answers in `example`, if they are long enough. The system
    /// instruction and the tools are left out: they are the same in most rows.
    pub(crate) fn of(example: &Example<'_>) -> Option<Self> {
        let mut runs = Runs::default();
        for turn in &example.turns {
            for text in turn.texts() {
                runs.add(text);
            }
        }
        if runs.count >= RUNS_MIN {
            return Some(runs.sketch());
        }
        Self::of_short(example)
    }

    /// The sketch of a row of few words: of runs of five characters, since one word would make too much
    /// of a difference. Rows with other numbers are others.
    fn of_short(example: &Example<'_>) -> Option<Self> {
        let texts = || example.turns.iter().flat_map(Turn::texts);
        let bytes = || texts().flat_map(|text| text.escaped().bytes().chain([b' ']));
        let digits = bytes().filter(u8::is_ascii_digit);
        let digits = digits.fold(SHORT_SEED, |hash, digit| fold(hash, digit.into()));
        let mut runs = Runs::default();
        let (mut window, mut length, mut escaped) = (0_u64, 0_usize, false);
        for byte in bytes() {
            let is_letter = !escaped && (byte.is_ascii_alphanumeric() || byte >= 0x80);
            escaped = !escaped && byte == b'\\';
            let letter = if is_letter {
                byte.to_ascii_lowercase()
            } else {
                b' '
            };
            // Marks and whitespace side by side are one.
            if letter == b' ' && window & 0xFF == u64::from(b' ') {
                continue;
            }
            window = (window << 8 | u64::from(letter)) & SHORT_RUN;
            length += 1;
            runs.draw(fold(digits, window));
        }
        (length >= SHORT_BYTES_MIN).then(|| runs.sketch())
    }
}

/// The last five bytes of a run of characters.
const SHORT_RUN: u64 = 0xFF_FFFF_FFFF;

/// Fewest bytes of a short row that can have near-duplicates.
const SHORT_BYTES_MIN: usize = 40;

/// Tells short rows from others.
const SHORT_SEED: u64 = 0x5851_F42D_4C95_7F2D;

/// Collects shingles of words.
struct Runs {
    bins: [u32; BINS],
    count: u32,
    /// The two previous words.
    before: (u64, u64),
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            bins: [u32::MAX; BINS],
            count: 0,
            before: (0, 0),
        }
    }
}

impl Runs {
    /// Adds the words of `text`, ignoring case and punctuation.
    fn add(&mut self, text: &Text<'_>) {
        let bytes = text.escaped().as_bytes();
        dispatch!(Level::new(), simd => self.add_by(simd, bytes));
    }

    #[expect(
        clippy::inline_always,
        reason = "inlined so that it is compiled for each instruction set"
    )]
    #[inline(always)]
    fn add_by<S: Simd>(&mut self, simd: S, bytes: &[u8]) {
        let mut before = SketchCarry::default();
        let (mut open, mut base) = (0, 0);
        // After the last block there is whitespace, so that every word ends.
        let blocks = Blocks::of(bytes);
        let [whole, last] = blocks.pieces();
        let end: &[_] = &[[b' '; BLOCK]];
        for block in [whole, last, end].into_iter().flatten() {
            let (mut starts, mut ends) = edges(simd, block, &mut before);
            // Every start has its end, except in words that continue in the next block.
            while ends != 0 {
                // At most 63.
                let end = ends.trailing_zeros();
                let start = starts.trailing_zeros();
                if start < end {
                    open = base + start as usize;
                    starts &= starts - 1;
                }
                self.end(hash(bytes, open..base + end as usize));
                ends &= ends - 1;
            }
            if starts != 0 {
                open = base + starts.trailing_zeros() as usize;
            }
            base += BLOCK;
        }
    }

    /// Adds a completed word, and the shingle that it completes.
    fn end(&mut self, word: u64) {
        let (first, second) = self.before;
        self.before = (second, word);
        self.count += 1;
        self.draw(first.rotate_left(21) ^ second.rotate_left(42) ^ word);
    }

    /// Adds a shingle.
    fn draw(&mut self, run: u64) {
        // Two draws per shingle, so that short rows fill more bins.
        for hash in halves(mix(run)) {
            let bin = usize::try_from(hash >> 26).unwrap_or_default();
            if let Some(least) = self.bins.get_mut(bin) {
                *least = hash.rotate_left(6).min(*least);
            }
        }
    }

    fn sketch(mut self) -> Sketch {
        self.fill();
        let mut digest = [0_u64; BINS / 16];
        for (part, bins) in digest.iter_mut().zip(self.bins.chunks(16)) {
            for bin in bins {
                // The minimum of many hashes is small, so its bits are no longer uniform: mix
                // again.
                *part = *part << 4 | mix(u64::from(*bin)) >> 60;
            }
        }
        let mut bands = [0_u32; BANDS];
        for ((band, bins), number) in bands.iter_mut().zip(self.bins.chunks(BAND_BINS)).zip(1..) {
            let all = bins
                .iter()
                .fold(number, |all, bin| mix(all ^ u64::from(*bin)));
            [*band, _] = halves(all);
        }
        Sketch {
            bands,
            digest: Digest(digest),
        }
    }

    /// Fills empty bins with the values of others, chosen identically for all rows.
    fn fill(&mut self) {
        let drawn = self.bins;
        if drawn.iter().all(|bin| *bin == u32::MAX) {
            return;
        }
        for (number, bin) in (0_u64..).zip(&mut self.bins) {
            let mut draw = number + 1;
            while *bin == u32::MAX {
                draw = mix(draw);
                let other = usize::try_from(draw >> 58).unwrap_or_default();
                *bin = drawn.get(other).copied().unwrap_or_default();
            }
        }
    }
}

/// Properties of the previous block's last byte, in the lowest bit.
#[derive(Default)]
struct SketchCarry {
    backslash: u64,
    word: u64,
}

/// Where words start in `block`, and the bytes before which they end.
#[expect(
    clippy::inline_always,
    reason = "inlined so that it is compiled for each instruction set"
)]
#[inline(always)]
fn edges<S: Simd>(simd: S, block: &[u8; BLOCK], before: &mut SketchCarry) -> (u64, u64) {
    let bytes = u8x64::from_slice(simd, block);
    let letters = ((bytes | 0x20) - b'a').simd_le(b'z' - b'a').to_bitmask();
    let digits = (bytes - b'0').simd_le(9).to_bitmask();
    let high = bytes.simd_ge(0x80).to_bitmask();
    let backslash = bytes.simd_eq(b'\\').to_bitmask();
    // Higher lead bytes start scripts without spaces, in which every character is a word.
    let ideographs = bytes.simd_ge(0xE3).to_bitmask();
    // The letter of an escape is not part of a word.
    let escaped = backslash << 1 | before.backslash;
    let word = (letters | digits | high) & !escaped;
    let word_before = word << 1 | before.word;
    *before = SketchCarry {
        backslash: backslash >> (BLOCK - 1),
        word: word >> (BLOCK - 1),
    };
    let starts = word & (!word_before | ideographs);
    (starts, word_before & (!word | ideographs))
}

/// Hashes the word at `range`, ignoring case.
fn hash(bytes: &[u8], range: Range<usize>) -> u64 {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let mut hash = 0;
    let mut rest = bytes.get(range.clone()).unwrap_or_default();
    // Nearly all words are shorter than eight bytes and have at least eight bytes after their
    // start.
    if rest.len() < 8
        && let Some(eight) = bytes.get(range.start..).and_then(<[u8]>::first_chunk)
    {
        let others = 64 - 8 * rest.len();
        // Shifts out the bytes after the word; a word is never empty here.
        let word = u64::from_le_bytes(*eight) << (others % 64) >> (others % 64);
        return fold(hash, word | LOWER >> (others % 64));
    }
    while let Some((eight, more)) = rest.split_first_chunk() {
        hash = fold(hash, u64::from_le_bytes(*eight) | LOWER);
        rest = more;
    }
    let mut last = [0; 8];
    if let Some(begin) = last.get_mut(..rest.len()) {
        begin.copy_from_slice(rest);
    }
    let others = 64 - 8 * rest.len();
    let lower = LOWER.checked_shr(u32::try_from(others).unwrap_or(64));
    fold(hash, u64::from_le_bytes(last) | lower.unwrap_or_default())
}

/// Adds eight more bytes of a word to its hash.
pub(crate) fn fold(hash: u64, bytes: u64) -> u64 {
    let product = (hash ^ bytes).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ product >> 32
}

/// The last step of `SplitMix64`.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

fn halves(word: u64) -> [u32; 2] {
    let low = u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default();
    [u32::try_from(word >> 32).unwrap_or_default(), low]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example::Role, location::Location};

    #[test]
    fn a_word_has_the_same_hash_at_every_position() {
        for word in [
            "a",
            "seventh",
            "eighteen",
            "seventeen",
            "extraordinarily",
            "Zürich",
        ] {
            let expected = hash(word.as_bytes(), 0..word.len());
            for (before, after) in [("", " and more of it"), ("so ", ""), ("no ", "x")] {
                let text = format!("{before}{}{after}", word.to_ascii_uppercase());
                let range = before.len()..before.len() + word.len();
                assert_eq!(hash(text.as_bytes(), range), expected, "{text}");
            }
        }
    }

    #[test]
    fn words_are_found_across_blocks() {
        let count = |text: &str| {
            let mut runs = Runs::default();
            runs.add(&Text::of(text));
            runs.count
        };
        for before in 0..140 {
            let text = format!("{}one two\nthree-四五 Ünix", " ".repeat(before));
            assert_eq!(count(&text), 6, "{before}");
        }
        assert_eq!(count(""), 0);
    }

    fn sketch(text: &str) -> Option<Sketch> {
        let location = Location::of("output", 0);
        let turns = vec![Turn::text(Role::Model, Text::of(text), location)];
        Sketch::of(&Example {
            turns,
            ..Example::default()
        })
    }

    /// `count` distinct words, numbered from `start`.
    fn words(start: usize, count: usize) -> String {
        let words: Vec<String> = (start..start + count).map(|n| format!("word{n}")).collect();
        words.join(" ")
    }

    /// Whether two texts of `count` words are near-duplicates if `changed` words differ.
    fn is_near(count: usize, changed: usize) -> (bool, bool) {
        let one = sketch(&words(1_000, count)).unwrap();
        let other = words(1_000, count - changed) + " " + &words(9_000, changed);
        let other = sketch(&other).unwrap();
        let together = one.bands.iter().zip(other.bands).any(|(a, b)| *a == b);
        (together, one.digest.is_near(other.digest))
    }

    #[test]
    fn near_duplicates_are_near_and_half_equal_texts_are_not() {
        for count in [60, 300, 2_000] {
            assert_eq!(is_near(count, 0), (true, true));
            assert_eq!(is_near(count, count / 20), (true, true), "{count}");
            assert!(!is_near(count, count / 2).1, "{count}");
        }
    }

    #[test]
    fn case_punctuation_and_line_breaks_are_ignored() {
        let text = words(0, 40);
        let shouted = text.to_uppercase().replace(' ', ",\n");
        assert_eq!(sketch(&text), sketch(&shouted));
    }

    #[test]
    fn short_rows_are_near_where_a_letter_differs() {
        let near = |one: &str, other: &str| {
            let (one, other) = (sketch(one).unwrap(), sketch(other).unwrap());
            one.digest.is_near(other.digest)
        };
        let text = "Could you tell me when my parcel to the new address will arrive, please";
        assert!(near(text, &text.replace("please", "pleas")));
        assert!(near(text, &text.replace("parcel to", "parcel, TO")));
        let other = "Could you tell me how I change the new password of my account, please";
        assert!(!near(text, other));
        assert!(!near(&format!("{text} 12"), &format!("{text} 13")));
    }

    #[test]
    fn few_letters_have_no_sketch() {
        assert_eq!(sketch("one two three four five six seven"), None);
        assert!(sketch(&words(0, 24)).is_some());
        assert!(
            sketch("東京は日本の首都で、とても大きな都市です。人口は一千万人を超えます。")
                .is_some()
        );
    }
}
