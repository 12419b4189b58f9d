//! Points in time at the service's resolution; a document's version is one.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;

/// Microseconds since 1970: create, update, commit and read times, and versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(pub(super) i64);

impl Stamp {
    /// The next time after this one.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The same time without its last three digits: `REQUEST_TIME` has a resolution of milliseconds.
    pub(super) fn milliseconds(self) -> Self {
        Self(self.0.div_euclid(1000).saturating_mul(1000))
    }
}

impl From<DateTime<Utc>> for Stamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl From<Timestamp> for Stamp {
    fn from(time: Timestamp) -> Self {
        let micros = time.seconds.saturating_mul(1_000_000);
        Self(micros.saturating_add(i64::from(time.nanos) / 1000))
    }
}

impl From<Stamp> for Timestamp {
    fn from(stamp: Stamp) -> Self {
        let nanos = stamp.0.rem_euclid(1_000_000).saturating_mul(1000);
        Self {
            seconds: stamp.0.div_euclid(1_000_000),
            nanos: i32::try_from(nanos).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_positive_nanos() {
        let stamp = Stamp(-1_500_000);
        let time = Timestamp::from(stamp);
        assert_eq!((time.seconds, time.nanos), (-2, 500_000_000));
        assert_eq!(Stamp::from(time), stamp);
    }
}
