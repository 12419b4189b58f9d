//! How the callers of canaries fare, counted in memory until it is written: no request waits for the store.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use shared::route::canary_report::{CallerOutcomes, CanaryReport, REPORT_CALLERS_MAX};

use crate::{
    arm::Seat,
    failure::ServeFailure,
    note::{FallbackReason, Note},
};

/// Most callers of one canary that an instance counts: ten steps' worth of what a canary looks at.
const CALLERS_MAX: usize = 20_000;
/// Most canaries that an instance counts at a time. Each route has one at most.
const CANARIES_MAX: usize = 20;
/// How long reports are kept: a canary that waits for a person is still judged by them.
const KEPT: TimeDelta = TimeDelta::days(90);

/// What one answer counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CountedAnswer {
    /// Below the confidence that is served.
    pub(crate) bad: bool,
    /// The model could not be asked.
    pub(crate) failed: bool,
    /// It took longer than the canary's plan allows.
    pub(crate) slow: bool,
}

impl CountedAnswer {
    /// Of an answer: `score` is the confidence in what is served.
    pub(crate) fn of(note: &Note, score: f64, threshold: f64, took: Duration, seat: &Seat) -> Self {
        let fallback = note.fallback_reason;
        Self {
            bad: fallback == Some(FallbackReason::LowConfidence)
                || fallback.is_none() && score < threshold,
            failed: fallback == Some(FallbackReason::TunedFailed),
            slow: fallback == Some(FallbackReason::TunedSlow) || seat.is_slow(took),
        }
    }

    /// Of a failure; `None` where the request itself is at fault, which says nothing about the model.
    pub(crate) fn of_failure(failure: &ServeFailure) -> Option<Self> {
        let (failed, slow) = match failure {
            ServeFailure::Unavailable { .. } => (true, false),
            ServeFailure::Late => (true, true),
            ServeFailure::Invalid(_)
            | ServeFailure::Forbidden(_)
            | ServeFailure::UnknownModel(_)
            | ServeFailure::UnknownPath
            | ServeFailure::Method(_)
            | ServeFailure::TooLarge(_) => return None,
        };
        Some(Self {
            bad: false,
            failed,
            slow,
        })
    }
}

/// The counts of this instance.
#[derive(Debug, Default)]
pub(crate) struct CanaryLog {
    canaries: HashMap<String, CallerCounts>,
}

/// Those of one canary.
#[derive(Debug)]
struct CallerCounts {
    callers: Vec<CallerOutcomes>,
    places: HashMap<String, usize>,
    /// The parts that changed since they were written.
    changed: BTreeSet<usize>,
    noted_at: DateTime<Utc>,
}

impl CanaryLog {
    /// Counts one answer, at the time `now`.
    /// In the shadow, `shadow` is the canary's answer to the same question.
    pub(crate) fn note(
        &mut self,
        seat: &Seat,
        answer: CountedAnswer,
        shadow: Option<CountedAnswer>,
        now: DateTime<Utc>,
    ) {
        if self.canaries.len() >= CANARIES_MAX && !self.canaries.contains_key(&seat.canary) {
            self.forget_oldest();
        }
        let canary = self.canaries.entry(seat.canary.clone());
        let counts = canary.or_insert_with(|| CallerCounts {
            callers: Vec::new(),
            places: HashMap::new(),
            changed: BTreeSet::new(),
            noted_at: now,
        });
        counts.noted_at = now;
        counts.note(seat, answer, shadow, now);
    }

    /// What changed since the last call, with the number of its part.
    pub(crate) fn take_changed(&mut self, now: DateTime<Utc>) -> Vec<(usize, CanaryReport)> {
        let mut reports = Vec::new();
        for (canary, counts) in &mut self.canaries {
            for part in std::mem::take(&mut counts.changed) {
                let callers = counts.callers.chunks(REPORT_CALLERS_MAX).nth(part);
                let report = CanaryReport {
                    canary_id: canary.clone(),
                    callers: callers.unwrap_or_default().to_vec(),
                    expire_at: now.checked_add_signed(KEPT).unwrap_or(now),
                };
                reports.push((part, report));
            }
        }
        reports
    }

    /// Has a part written again, since it could not be.
    pub(crate) fn put_back(&mut self, canary: &str, part: usize) {
        if let Some(counts) = self.canaries.get_mut(canary) {
            counts.changed.insert(part);
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .canaries
            .iter()
            .min_by_key(|(_, counts)| counts.noted_at);
        if let Some(oldest) = oldest.map(|(canary, _)| canary.clone()) {
            self.canaries.remove(&oldest);
        }
    }
}

impl CallerCounts {
    fn note(
        &mut self,
        seat: &Seat,
        answer: CountedAnswer,
        shadow: Option<CountedAnswer>,
        now: DateTime<Utc>,
    ) {
        let place = match self.places.get(&seat.caller) {
            Some(place) => *place,
            // More callers are not counted: which ones does not depend on the model.
            None if self.callers.len() >= CALLERS_MAX => return,
            None => {
                let place = self.callers.len();
                self.places.insert(seat.caller.clone(), place);
                self.callers.push(CallerOutcomes {
                    caller: seat.caller.clone(),
                    is_canary: seat.is_canary,
                    step: seat.step,
                    first_at: now,
                    answers: 0,
                    bad: 0,
                    failed: 0,
                    slow: 0,
                    shadow: None,
                });
                place
            }
        };
        let Some(caller) = self.callers.get_mut(place) else {
            return;
        };
        let window = i64::try_from(seat.window_s).unwrap_or(i64::MAX);
        let is_over = now.signed_duration_since(caller.first_at).num_seconds() >= window;
        let is_same_seat = (caller.is_canary, caller.step) == (seat.is_canary, seat.step);
        if is_over || !is_same_seat {
            return;
        }
        let count = |counter: &mut u32, holds: bool| {
            *counter = counter.saturating_add(u32::from(holds));
        };
        count(&mut caller.answers, true);
        count(&mut caller.bad, answer.bad);
        count(&mut caller.failed, answer.failed);
        count(&mut caller.slow, answer.slow);
        if let Some(shadow) = shadow {
            let counts = caller.shadow.get_or_insert_default();
            count(&mut counts.bad, shadow.bad);
            count(&mut counts.failed, shadow.failed);
            count(&mut counts.slow, shadow.slow);
        }
        self.changed.insert(place / REPORT_CALLERS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use FallbackReason::{LowConfidence, TunedFailed, TunedSlow};
    use ServedBy::{Base, Tuned};

    use super::*;
    use crate::note::ServedBy;

    fn seat(caller: usize, canary: &str) -> Seat {
        Seat {
            canary: canary.to_owned(),
            caller: caller.to_string(),
            is_canary: caller.is_multiple_of(2),
            step: 0,
            window_s: 60,
            slow_ms: Some(100),
            shadow: None,
        }
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    const GOOD: CountedAnswer = CountedAnswer {
        bad: false,
        failed: false,
        slow: false,
    };

    #[test]
    fn an_answer_is_counted_by_why_it_was_served() {
        let note = |served_by, fallback_reason| Note {
            served_by,
            route: Some(1),
            run: None,
            fallback_reason,
            base_not_served: None,
            cached: false,
            confidence: None,
        };
        let of = |served_by, fallback, score, ms| {
            let took = Duration::from_millis(ms);
            let note = note(served_by, fallback);
            let counted = CountedAnswer::of(&note, score, 0.5, took, &seat(0, "c"));
            (counted.bad, counted.failed, counted.slow)
        };
        assert_eq!(of(Tuned, None, 1.0, 100), (false, false, false));
        assert_eq!(of(Tuned, None, 0.4, 101), (true, false, true));
        assert_eq!(
            of(Base, None, 0.4, 1),
            (true, false, false),
            "its own target"
        );
        // What was served instead is good: the target's answer was not.
        assert_eq!(of(Base, Some(LowConfidence), 1.0, 1), (true, false, false));
        assert_eq!(of(Base, Some(TunedFailed), 1.0, 1), (false, true, false));
        assert_eq!(of(Base, Some(TunedSlow), 1.0, 1), (false, false, true));
        let failure = |failure| CountedAnswer::of_failure(&failure);
        assert_eq!(failure(ServeFailure::Invalid(String::new())), None);
        let away = failure(ServeFailure::Unavailable { retry_after: None });
        assert!(away.is_some_and(|away| away.failed && !away.slow));
        assert!(failure(ServeFailure::Late).is_some_and(|late| late.slow));
    }

    #[test]
    fn answers_of_a_caller_add_up_within_its_window() {
        let mut log = CanaryLog::default();
        let bad = CountedAnswer { bad: true, ..GOOD };
        log.note(&seat(0, "c"), GOOD, None, at(0));
        log.note(&seat(0, "c"), bad, None, at(59));
        log.note(&seat(0, "c"), bad, None, at(60));
        log.note(&seat(1, "c"), bad, None, at(60));
        let moved = Seat {
            step: 1,
            is_canary: true,
            ..seat(1, "c")
        };
        log.note(&moved, bad, None, at(61));
        let reports = log.take_changed(at(61));
        let counts: Vec<(u32, u32, bool)> = reports[0]
            .1
            .callers
            .iter()
            .map(|caller| (caller.answers, caller.bad, caller.is_canary))
            .collect();
        assert_eq!(counts, [(2, 1, true), (1, 1, false)]);
        assert!(log.take_changed(at(62)).is_empty());
        log.put_back("c", 0);
        assert_eq!(log.take_changed(at(62)).len(), 1);
    }

    #[test]
    fn pairs_of_the_shadow_are_counted_beside_what_was_served() {
        let mut log = CanaryLog::default();
        let bad = CountedAnswer { bad: true, ..GOOD };
        log.note(&seat(1, "c"), GOOD, Some(bad), at(0));
        log.note(&seat(1, "c"), GOOD, Some(GOOD), at(1));
        let caller = log.take_changed(at(1))[0].1.callers[0].clone();
        let shadow = caller.shadow.unwrap();
        assert_eq!((caller.answers, caller.bad, shadow.bad), (2, 0, 1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut log = CanaryLog::default();
        for caller in 0..CALLERS_MAX + 10 {
            log.note(&seat(caller, "c"), GOOD, None, at(0));
        }
        let parts = log.take_changed(at(0));
        assert_eq!(parts.len(), CALLERS_MAX / REPORT_CALLERS_MAX);
        let whole =
            |(_, report): &(usize, CanaryReport)| report.callers.len() == REPORT_CALLERS_MAX;
        assert!(parts.iter().all(whole));
        for canary in 0..CANARIES_MAX + 3 {
            log.note(&seat(0, &canary.to_string()), GOOD, None, at(1));
        }
        assert_eq!(log.canaries.len(), CANARIES_MAX);
    }
}
