//! The last good reading of something that is read over and over, for the minutes in which it cannot be read.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a route may be served from memory while the store is away. Long enough for a store to come back, short enough
/// that a rollback, which cannot be seen meanwhile, is not ignored for an hour.
pub const ROUTE_AGE_MAX: TimeDelta = TimeDelta::minutes(10);

/// A value, and when it was read.
#[derive(Clone, Debug)]
pub struct LastGood<T> {
    value: T,
    read_at: DateTime<Utc>,
}

impl<T> LastGood<T> {
    /// What was read at `read_at`.
    pub fn new(value: T, read_at: DateTime<Utc>) -> Self {
        Self { value, read_at }
    }

    /// The value, if it is no older than `age_max`. One read in the future (a clock was set back) counts as new.
    pub fn within(&self, age_max: TimeDelta, now: DateTime<Utc>) -> Option<&T> {
        (now.signed_duration_since(self.read_at) <= age_max).then_some(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_serves_until_it_is_too_old() {
        let then = DateTime::UNIX_EPOCH;
        let last_good = LastGood::new("route", then);
        let within = |age| last_good.within(ROUTE_AGE_MAX, then + age).is_some();
        assert!(within(TimeDelta::zero()));
        assert!(within(ROUTE_AGE_MAX));
        assert!(!within(ROUTE_AGE_MAX + TimeDelta::milliseconds(1)));
        assert!(within(TimeDelta::seconds(-5)));
    }
}
