//! Whether both models really answered: a call that failed is not an answer, and is never scored.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Rows in a hundred that a model may leave without an answer, after retries, before nothing follows from the
/// others. Above it the rows that were asked may be the easy ones.
pub const NOT_ASKED_PERCENT_MAX: u64 = 2;

/// Shortest pause before models are asked again.
const PAUSE_MIN: TimeDelta = TimeDelta::minutes(2);
/// Longest pause: a person who grants a permission sees the effect within the hour.
const PAUSE_MAX: TimeDelta = TimeDelta::hours(1);
/// How long a delivery that asks models keeps others from it: eight minutes of asking, and the longest that the rows of
/// its last part take. If it ends before it has recorded anything, the models are asked again after that.
const CLAIMED_FOR: TimeDelta = TimeDelta::minutes(15);
/// How long an evaluation may be undecided before people are alerted: quotas and outages of a service pass
/// within a day, a missing model or permission does not.
const ALERT_AFTER: TimeDelta = TimeDelta::days(1);

/// Which rows each model answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Integrity {
    /// The base model.
    pub base: Asked,
    /// The tuned model.
    pub tuned: Asked,
    /// The model that serves, where it is neither of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<Asked>,
}

/// How far one model could be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Rows that it should have answered.
    pub rows: u64,
    /// Rows of these that it gave no answer to, after all retries.
    pub not_asked: u64,
    /// The reasons, such as `PERMISSION_DENIED`, with how often each was met. Calls that were not made
    /// because of earlier failures have none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, u64>,
}

impl Asked {
    /// Whether the rows that were answered stand for all.
    pub fn is_sound(&self) -> bool {
        self.not_asked.saturating_mul(100) <= self.rows.saturating_mul(NOT_ASKED_PERCENT_MAX)
    }

    /// The reason met most often.
    pub fn reason(&self) -> Option<&str> {
        let most = self.reasons.iter().max_by_key(|(_, count)| **count);
        most.map(|(reason, _)| reason.as_str())
    }
}

impl Integrity {
    /// The models that could not be asked, by name.
    pub fn unsound(&self) -> Vec<(&'static str, &Asked)> {
        let sides = [
            ("the base model", Some(&self.base)),
            ("the tuned model", Some(&self.tuned)),
            ("the serving model", self.serving.as_ref()),
        ];
        let sides = sides
            .into_iter()
            .filter_map(|(name, side)| Some((name, side?)));
        sides.filter(|(_, side)| !side.is_sound()).collect()
    }

    /// Whether every model answered enough rows for a verdict.
    pub fn is_sound(&self) -> bool {
        self.unsound().is_empty()
    }

    /// Which model could not be asked, and why; for people.
    pub fn reason(&self) -> String {
        let unsound = self.unsound().into_iter().map(|(name, side)| {
            let why = side.reason().unwrap_or("no answer");
            let (not_asked, rows) = (side.not_asked, side.rows);
            format!("{name} has no answer to {not_asked} of {rows} rows ({why})")
        });
        let unsound: Vec<String> = unsound.collect();
        format!("undecided: {}", unsound.join("; "))
    }
}

/// An evaluation that waits until its models can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often models were asked in vain.
    pub tries: u32,
    /// When they are asked again.
    pub next_try_at: DateTime<Utc>,
}

impl Pending {
    /// Before the first attempt, which is due at `now`.
    pub fn due(now: DateTime<Utc>) -> Self {
        Self {
            since: now,
            tries: 0,
            next_try_at: now,
        }
    }

    /// The same while a delivery asks the models, from `now` on: other deliveries wait.
    #[must_use]
    pub fn claimed(&self, now: DateTime<Utc>) -> Self {
        Self {
            next_try_at: now + CLAIMED_FOR,
            ..self.clone()
        }
    }

    /// The wait after another attempt in vain at `now`. It is as long as the evaluation has waited so far, so
    /// that the time between attempts doubles: from two minutes to an hour.
    pub fn after(before: Option<&Self>, now: DateTime<Utc>) -> Self {
        let since = before.map_or(now, |before| before.since);
        Self {
            since,
            tries: before.map_or(0, |before| before.tries).saturating_add(1),
            next_try_at: now + (now - since).clamp(PAUSE_MIN, PAUSE_MAX),
        }
    }

    /// Whether it is time for another attempt.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.next_try_at <= now
    }

    /// Whether a person must look at it.
    pub fn is_for_a_person(&self, now: DateTime<Utc>) -> bool {
        now - self.since >= ALERT_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rows: u64, not_asked: u64) -> Asked {
        let reasons = BTreeMap::from([
            ("NOT_FOUND".to_owned(), not_asked),
            ("UNAVAILABLE".to_owned(), 1),
        ]);
        Asked {
            rows,
            not_asked,
            reasons,
        }
    }

    #[test]
    fn two_rows_in_a_hundred_may_be_left_out() {
        for (rows, not_asked, sound) in [
            (200, 4, true),
            (200, 5, false),
            (12, 0, true),
            (12, 1, false),
            (0, 0, true),
            (58, 58, false),
        ] {
            assert_eq!(
                asked(rows, not_asked).is_sound(),
                sound,
                "{not_asked} of {rows}"
            );
        }
    }

    #[test]
    fn either_side_alone_leaves_it_undecided() {
        let sound = asked(100, 0);
        let broken = asked(100, 58);
        for (base, tuned, serving, named) in [
            (&broken, &sound, None, "the base model"),
            (&sound, &broken, None, "the tuned model"),
            (&sound, &sound, Some(&broken), "the serving model"),
        ] {
            let integrity = Integrity {
                base: base.clone(),
                tuned: tuned.clone(),
                serving: serving.cloned(),
            };
            assert!(!integrity.is_sound());
            let reason = integrity.reason();
            let expected = format!("{named} has no answer to 58 of 100 rows (NOT_FOUND)");
            assert_eq!(reason, format!("undecided: {expected}"));
        }
        assert!(Integrity::default().is_sound());
    }

    #[test]
    fn a_claim_keeps_others_away_and_counts_as_no_attempt() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let claim = Pending::due(at(0)).claimed(at(1));
        assert!(!claim.is_due(at(15)) && claim.is_due(at(16)));
        assert_eq!((claim.since, claim.tries), (at(0), 0));
        let failed = Pending::after(Some(&claim), at(3));
        assert_eq!(
            (failed.since, failed.tries, failed.next_try_at),
            (at(0), 1, at(6))
        );
    }

    #[test]
    fn the_pause_doubles_to_an_hour_and_a_day_later_a_person_is_called() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let mut pending = Pending::after(None, at(0));
        let mut tries = Vec::new();
        for _ in 0..9 {
            let now = pending.next_try_at;
            assert!(pending.is_due(now) && !pending.is_for_a_person(now));
            tries.push((now - at(0)).num_minutes());
            pending = Pending::after(Some(&pending), now);
        }
        assert_eq!(tries, [2, 4, 8, 16, 32, 64, 124, 184, 244]);
        assert_eq!((pending.since, pending.tries), (at(0), 10));
        assert!(!pending.is_for_a_person(at(24 * 60 - 1)));
        assert!(pending.is_for_a_person(at(24 * 60)));
    }
}
