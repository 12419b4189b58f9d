//! Pseudo-random numbers that are the same on every machine and after every restart.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

/// A count as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts here stay far below 2^52"
)]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

/// The integer part of `value`; negative numbers and NaN become 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as intended"
)]
pub(super) fn whole(value: f64) -> u64 {
    value as u64
}

/// The length of a slice as a count.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A count as a length, for slices and `take`.
pub(super) fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A hash of `text` for counting, valid within one process only.
///
/// The standard library's hash is optimised, unlike [`Seed`] in a debug build.
pub(super) fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The root of a family of derived numbers: equal roots give equal families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seed(u64);

impl Seed {
    /// The seed of `bytes`: FNV-1a, which no library update can change.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(folded)
    }

    /// The seed of a whole file, from its checksum: byte by byte would take seconds in a debug build.
    pub(super) fn of_file(file: &[u8]) -> Self {
        Self::of(&crc32c::crc32c(file).to_be_bytes()).with(count(file.len()))
    }

    /// The seed of a member of this family.
    pub(super) fn with(self, member: u64) -> Self {
        // SplitMix64's step: neighbouring members get unrelated seeds.
        let mut z = self.0 ^ member.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }

    /// The seed of a named member of this family.
    pub(super) fn named(self, member: &str) -> Self {
        self.with(Self::of(member.as_bytes()).0)
    }

    /// In `0.0..1.0`.
    pub(super) fn unit(self) -> f64 {
        real(self.with(1).0 >> 12) / real(1 << 52)
    }

    /// In `low..high`.
    pub(super) fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// An id of 19 digits, as Vertex gives its resources.
    pub(super) fn id(self) -> String {
        let nine_e18 = 9_000_000_000_000_000_000;
        (1_000_000_000_000_000_000 + self.with(2).0 % (nine_e18 - 1_000_000_000_000_000_000))
            .to_string()
    }

    /// The bare number.
    pub(super) fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_19_digits_and_differ() {
        let seed = Seed::of(b"job");
        let ids: Vec<String> = (0..100).map(|member| seed.with(member).id()).collect();
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 19), "{ids:?}");
    }

    #[test]
    fn units_fill_the_unit_interval() {
        let seed = Seed::of(b"x");
        let units: Vec<f64> = (0..1000).map(|n| seed.with(n).unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }
}
