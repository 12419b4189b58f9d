//! A circuit breaker for each model: one that has failed again and again is left alone for a while, so that
//! its callers do not each wait for it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use shared::outcome::CallError;

/// Failures one after another that open the circuit. Fewer are chance: the service answers 503 now and then.
const FAILURES_MAX: u32 = 5;
/// How long it stays open, unless the model says when to come again.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest that it stays open, whatever the model says: a rollback or a new quota must be seen.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Most models that are remembered: a route has two.
const MODELS_MAX: usize = 1_000;

/// What is known of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Circuit {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
    /// Whether a request may ask the model. Once the pause is over, one may, and the next ones wait for
    /// its outcome.
    fn admit(&mut self, now: Instant) -> bool {
        match self.open_until {
            Some(until) if until > now => false,
            Some(_) => {
                self.open_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    fn failed(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            let pause = retry_after.unwrap_or(PAUSE).clamp(PAUSE, PAUSE_MAX);
            self.open_until = Some(now + pause);
        }
    }
}

/// The circuit breakers of all models.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<HashMap<String, Circuit>>);

impl Breakers {
    /// Whether a request may ask `model` now.
    pub(crate) fn admit(&self, model: &str, now: Instant) -> bool {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let circuit = circuits.get_mut(model);
        circuit.is_none_or(|circuit| circuit.admit(now))
    }

    /// Records how a call of `model` ended.
    pub(crate) fn record(&self, model: &str, error: Option<&CallError>, now: Instant) {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let retry_after = match error {
            // An answer, or words about the request: the model is there.
            None | Some(CallError::No(_)) => {
                circuits.remove(model);
                return;
            }
            Some(CallError::NotNow { retry_after, .. }) => *retry_after,
            Some(CallError::NotAllowed(_) | CallError::Missing(_) | CallError::Unknown(_)) => None,
        };
        if circuits.len() >= MODELS_MAX {
            circuits.clear();
        }
        let circuit = circuits.entry(model.to_owned()).or_default();
        circuit.failed(retry_after, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_now(retry_after: Option<Duration>) -> CallError {
        CallError::NotNow {
            retry_after,
            source: "503".into(),
        }
    }

    #[test]
    fn a_model_that_fails_again_and_again_is_left_alone_for_a_while() {
        let (breakers, start) = (Breakers::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            assert!(breakers.admit("m", start));
            breakers.record("m", Some(&not_now(None)), start);
        }
        assert!(!breakers.admit("m", start), "open");
        assert!(breakers.admit("other", start), "another model");
        let later = start + PAUSE;
        assert!(breakers.admit("m", later), "one tries");
        assert!(!breakers.admit("m", later), "the next one waits for it");
        breakers.record("m", None, later);
        assert!(breakers.admit("m", later), "closed again");
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (breakers, now) = (Breakers::default(), Instant::now());
        for _ in 0..3 * FAILURES_MAX {
            breakers.record("m", Some(&not_now(None)), now);
            breakers.record("m", None, now);
        }
        assert!(breakers.admit("m", now));
    }

    #[test]
    fn the_model_says_how_long() {
        let (breakers, start) = (Breakers::default(), Instant::now());
        let in_20_s = not_now(Some(Duration::from_secs(20)));
        for _ in 0..FAILURES_MAX {
            breakers.record("m", Some(&in_20_s), start);
        }
        assert!(!breakers.admit("m", start + Duration::from_secs(19)));
        assert!(breakers.admit("m", start + Duration::from_secs(20)));
        let in_a_day = not_now(Some(Duration::from_hours(24)));
        breakers.record("m", Some(&in_a_day), start);
        assert!(breakers.admit("m", start + PAUSE_MAX));
    }
}
