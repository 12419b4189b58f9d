//! Why a queued run cannot be submitted although its turn has come, and when it is tried again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Shortest pause between two attempts at a submission.
const PAUSE_MIN: TimeDelta = TimeDelta::minutes(5);
/// Longest pause: a person who grants a permission sees the effect within the hour.
const PAUSE_MAX: TimeDelta = TimeDelta::hours(1);

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCode {
    /// A permission or an API that a person must grant or enable.
    Permission,
    /// Something that the call names and the service does not find.
    NotFound,
    /// A policy that can be read and allows the run.
    Policy,
    /// The end of the stop that the policy orders for all.
    Stopped,
    /// Money below the caps of the policy.
    Cap,
    /// A price that is on the list and recent enough.
    Price,
    /// The service's quota.
    Quota,
    /// The service itself.
    Service,
}

impl WaitCode {
    /// The name in documents and log fields.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Policy => "policy",
            Self::Stopped => "stopped",
            Self::Cap => "cap",
            Self::Price => "price",
            Self::Quota => "quota",
            Self::Service => "service",
        }
    }

    /// Whether only a person ends the wait. Such a run keeps no place in the queue: others pass it.
    pub fn is_for_a_person(self) -> bool {
        match self {
            Self::Permission
            | Self::NotFound
            | Self::Policy
            | Self::Stopped
            | Self::Cap
            | Self::Price => true,
            Self::Quota | Self::Service => false,
        }
    }

    /// Whether later runs wait behind one that waits for this. None waits behind a person's decision, nor
    /// behind a service that fails for one run: the next one may get through, and the first is tried again by
    /// itself.
    pub fn keeps_place(self) -> bool {
        match self {
            Self::Quota => true,
            Self::Permission
            | Self::NotFound
            | Self::Policy
            | Self::Stopped
            | Self::Cap
            | Self::Price
            | Self::Service => false,
        }
    }
}

/// The wait of a queued run whose turn had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// What for.
    pub code: WaitCode,
    /// What is missing, in the service's words, where it names that.
    #[serde(default)]
    pub missing: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When the submission is tried again.
    pub next_try_at: DateTime<Utc>,
}

impl Waits {
    /// The wait after an attempt at `now` found that `code` is in the way; `before` is the wait that the
    /// attempt was meant to end.
    ///
    /// It is as long as the run has waited for the same so far, so that the time between attempts doubles:
    /// from 5 minutes to an hour.
    pub fn after(
        before: Option<&Self>,
        code: WaitCode,
        missing: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let same = before.filter(|before| before.code == code);
        let since = same.map_or(now, |before| before.since);
        Self {
            code,
            missing,
            since,
            next_try_at: now + (now - since).clamp(PAUSE_MIN, PAUSE_MAX),
        }
    }

    /// Whether it is time for another attempt.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.next_try_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn the_pause_doubles_to_an_hour() {
        let mut waits = Waits::after(None, WaitCode::Permission, None, at(0));
        let mut tries = Vec::new();
        for _ in 0..7 {
            let now = waits.next_try_at;
            tries.push((now - at(0)).num_minutes());
            waits = Waits::after(Some(&waits), WaitCode::Permission, None, now);
        }
        assert_eq!(tries, [5, 10, 20, 40, 80, 140, 200]);
        assert_eq!(waits.since, at(0));
    }

    #[test]
    fn another_reason_is_another_wait() {
        let permission = Waits::after(None, WaitCode::Permission, None, at(0));
        let quota = Waits::after(Some(&permission), WaitCode::Quota, None, at(80));
        assert_eq!((quota.since, quota.next_try_at), (at(80), at(85)));
        assert!(!quota.is_over(at(84)) && quota.is_over(at(85)));
    }
}
