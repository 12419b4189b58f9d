//! What a row says, in a few bytes, so that rows that say nearly the same are found.
//!
//! The sketch is a one-permutation `MinHash` (Li, Owen and Zhang, 2012) over runs of three words,
//! with empty bins filled from others (Shrivastava, 2017): the share of bins that two sketches have
//! in common estimates the share of runs that two rows have in common.

use serde::{Deserialize, Serialize};

use crate::{example::Example, json::Text};

/// Bins of a sketch.
const BINS: usize = 64;

/// Bands of a sketch: two rows are compared if all bins of any one band are the same. Rows that
/// have 80 % in common are compared in 95 of 100 cases, rows that have half in 15.
const BANDS: usize = 10;

/// Bins of a band.
const BAND_BINS: usize = 6;

/// Hashes of each run: short rows fill more bins so.
const ROUNDS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F];

/// Fewest runs of words that can be said to be nearly the same as others: in fewer, one word makes
/// all the difference.
const RUNS_MIN: u32 = 24;

/// Bins that two sketches must have in common: 80 % of the runs, and one in sixteen of the other
/// bins by chance.
const COMMON_BINS_MIN: u32 = 52;

/// What a row says, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sketch {
    /// By which rows that may be alike are found.
    pub(crate) bands: [u32; BANDS],
    /// By which they are compared.
    pub(crate) digest: Digest,
}

/// Four bits of each bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digest([u64; BINS / 16]);

impl Digest {
    /// Whether two rows say nearly the same.
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
    /// The sketch of what is asked and answered in `example`, if that is long enough. The system
    /// instruction and the tools are left aside: they are the same in most rows.
    pub(crate) fn of(example: &Example<'_>) -> Option<Self> {
        let mut runs = Runs::default();
        for turn in &example.turns {
            for text in turn.texts() {
                runs.add(text);
            }
        }
        (runs.count >= RUNS_MIN).then(|| runs.sketch())
    }
}

/// Runs of words as they come.
struct Runs {
    bins: [u32; BINS],
    count: u32,
    /// The two words before.
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
    /// Takes the words of `text`, capitals and marks aside.
    fn add(&mut self, text: &Text<'_>) {
        let mut word = 0_u64;
        let mut skip = false;
        for byte in text.escaped().bytes() {
            if std::mem::take(&mut skip) {
                // The letter of an escape.
                continue;
            }
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | 0x80..0xE3 => word = grow(word, byte),
                b'A'..=b'Z' => word = grow(word, byte | 0x20),
                // A script without blanks: every character is a word.
                0xE3.. => {
                    self.end(std::mem::take(&mut word));
                    word = grow(word, byte);
                }
                _ => {
                    skip = byte == b'\\';
                    self.end(std::mem::take(&mut word));
                }
            }
        }
        self.end(word);
    }

    fn end(&mut self, word: u64) {
        if word == 0 {
            return;
        }
        let (first, second) = self.before;
        self.before = (second, word);
        self.count += 1;
        let run = first.rotate_left(21) ^ second.rotate_left(42) ^ word;
        for round in ROUNDS {
            let [hash, ..] = halves(mix(run ^ round));
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
                // The least of many is small, its bits are not drawn evenly any more: mix again.
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

    /// Fills empty bins with what is in others, chosen alike for all rows.
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

fn grow(word: u64, byte: u8) -> u64 {
    // One more than the byte, so that a word is never nothing.
    (word.rotate_left(5) ^ (u64::from(byte) + 1)).wrapping_mul(0x517C_C1B7_2722_0A95) | 1
}

/// The last step of `SplitMix64`.
fn mix(word: u64) -> u64 {
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
    use crate::example::{Place, Role, Turn};

    fn sketch(text: &str) -> Option<Sketch> {
        let place = Place {
            key: "output",
            index: None,
            at: 0,
        };
        let turns = vec![Turn::text(Role::Model, Text::of(text), place)];
        Sketch::of(&Example {
            turns,
            ..Example::default()
        })
    }

    /// So many words, each of its own, from `start` on.
    fn words(start: usize, count: usize) -> String {
        let words: Vec<String> = (start..start + count).map(|n| format!("word{n}")).collect();
        words.join(" ")
    }

    /// Whether two texts of `count` words are near of which `changed` differ.
    fn is_near(count: usize, changed: usize) -> (bool, bool) {
        let one = sketch(&words(1_000, count)).unwrap();
        let other = words(1_000, count - changed) + " " + &words(9_000, changed);
        let other = sketch(&other).unwrap();
        let together = one.bands.iter().zip(other.bands).any(|(a, b)| *a == b);
        (together, one.digest.is_near(other.digest))
    }

    #[test]
    fn nearly_the_same_is_near_and_half_is_not() {
        for count in [60, 300, 2_000] {
            assert_eq!(is_near(count, 0), (true, true));
            assert_eq!(is_near(count, count / 20), (true, true), "{count}");
            assert!(!is_near(count, count / 2).1, "{count}");
        }
    }

    #[test]
    fn capitals_marks_and_line_ends_make_no_difference() {
        let text = words(0, 40);
        let shouted = text.to_uppercase().replace(' ', ",\n");
        assert_eq!(sketch(&text), sketch(&shouted));
    }

    #[test]
    fn few_words_have_no_sketch() {
        assert_eq!(sketch(&words(0, 23)), None);
        assert!(sketch(&words(0, 24)).is_some());
        assert!(
            sketch("東京は日本の首都で、とても大きな都市です。人口は一千万人を超えます。")
                .is_some()
        );
    }
}
