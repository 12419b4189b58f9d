//! The last good copy of a value that is read again and again, for the minutes in which it cannot be read.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a route may be used from memory while Firestore is unavailable. Long enough to bridge an outage, short enough that
/// a rollback, which cannot be seen meanwhile, is not ignored for an hour.
pub const ROUTE_AGE_MAX: TimeDelta = TimeDelta::minutes(10);

/// A value and the time when it was read.
#[derive(Clone, Debug)]
pub struct LastGood<T> {
    value: T,
    read_at: DateTime<Utc>,
}

impl<T> LastGood<T> {
    /// The value that was read at `read_at`.
    pub fn new(value: T, read_at: DateTime<Utc>) -> Self {
        Self { value, read_at }
    }

    /// The value, if it is at most `age_max` old. One from the future counts as new: the clock was set back.
    pub fn within(&self, age_max: TimeDelta, now: DateTime<Utc>) -> Option<&T> {
        (now.signed_duration_since(self.read_at) <= age_max).then_some(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_used_until_it_is_too_old() {
        let then = DateTime::UNIX_EPOCH;
        let last_good = LastGood::new("route", then);
        let within = |age| last_good.within(ROUTE_AGE_MAX, then + age).is_some();
        assert!(within(TimeDelta::zero()));
        assert!(within(ROUTE_AGE_MAX));
        assert!(!within(ROUTE_AGE_MAX + TimeDelta::milliseconds(1)));
        assert!(within(TimeDelta::seconds(-5)));
    }
}
