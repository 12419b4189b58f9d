//! Retries: only of calls that may be repeated, with jitter and an end.

use std::{future::Future, time::Duration};

use rand::RngExt as _;

use crate::outcome::CallError;

/// Longest pause of our own choice between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// How often, and how long, a call may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Attempts in all.
    pub attempts: u32,
    /// Pause before the second attempt; doubles from there.
    pub pause: Duration,
    /// Longest pause that a service may ask for by `Retry-After`. Where it asks for more, the
    /// call fails at once: the sender of the delivery waits better than a request that is open.
    pub retry_after_max: Duration,
}

impl Budget {
    /// One attempt.
    pub const ONCE: Self = Self {
        attempts: 1,
        pause: Duration::ZERO,
        retry_after_max: Duration::ZERO,
    };
}

impl Default for Budget {
    /// Three attempts within about two seconds: the sender of a delivery tries again anyway.
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(200),
            retry_after_max: Duration::from_secs(5),
        }
    }
}

impl Budget {
    /// How long to wait after `error` before attempt `attempt + 1`; `None` where there is none.
    fn pause_after(self, error: &CallError, attempt: u32) -> Option<Duration> {
        let asked = match error {
            CallError::NotNow { retry_after, .. } => retry_after.unwrap_or_default(),
            // Waiting changes none of these; an unknown outcome must be settled first.
            CallError::No(_)
            | CallError::NotAllowed(_)
            | CallError::Missing(_)
            | CallError::Unknown(_) => return None,
        };
        if attempt >= self.attempts || asked > self.retry_after_max {
            return None;
        }
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let pause = self.pause.saturating_mul(doubled).min(PAUSE_MAX);
        // Full jitter: many instances must not come back at the same moment. It comes on top of
        // what the service asks for, since it asks all of them for the same.
        let share: f64 = rand::rng().random_range(0.0..1.0);
        Some(asked + pause.mul_f64(share))
    }
}

/// Makes a call until it succeeds, fails otherwise than [`CallError::NotNow`], or the budget is
/// spent.
pub async fn repeat<T, F>(budget: Budget, mut call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let mut attempt = 1;
    loop {
        let error = match call().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(pause) = budget.pause_after(&error, attempt) else {
            return Err(error);
        };
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::outcome::{ErrorAnswer, Idempotency};

    fn error(http_status: u16, retry_after: Option<Duration>) -> CallError {
        let answer = ErrorAnswer {
            http_status: Some(http_status),
            retry_after,
            ..ErrorAnswer::default()
        };
        CallError::of(answer, Idempotency::Idempotent)
    }

    #[track_caller]
    fn check(failures: u32, http_status: u16, calls: u32, succeeds: bool) {
        let budget = Budget {
            pause: Duration::ZERO,
            ..Budget::default()
        };
        let made = Cell::new(0);
        let call = || {
            made.set(made.get() + 1);
            std::future::ready(if made.get() > failures {
                Ok(())
            } else {
                Err(error(http_status, None))
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let result = runtime.block_on(repeat(budget, call));
        assert_eq!(
            (made.get(), result.is_ok()),
            (calls, succeeds),
            "{failures} of {http_status}"
        );
    }

    #[test]
    fn a_call_is_tried_until_the_budget_is_spent() {
        check(0, 503, 1, true);
        check(2, 503, 3, true);
        check(3, 503, 3, false);
        check(1, 429, 2, true);
    }

    #[test]
    fn what_waiting_does_not_change_is_not_repeated() {
        for http_status in [400, 401, 403, 404, 409] {
            check(1, http_status, 1, false);
        }
    }

    #[test]
    fn the_pause_that_a_service_asks_for_is_kept_within_the_budget() {
        let budget = Budget::default();
        let pause = |retry_after_s: u64, attempt| {
            let asked = Duration::from_secs(retry_after_s);
            budget.pause_after(&error(429, Some(asked)), attempt)
        };
        let two = pause(2, 1).unwrap();
        assert!(two >= Duration::from_secs(2), "{two:?}");
        assert!(two <= Duration::from_millis(2_200), "{two:?}");
        assert_eq!(pause(6, 1), None, "longer than the budget");
        assert_eq!(pause(2, 3), None, "no attempt is left");
    }
}
