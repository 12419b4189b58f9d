//! Trying again: only for calls that may be repeated, with jitter and an end.

use std::{future::Future, time::Duration};

use rand::RngExt as _;

/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// How often, and how long, a call may be tried.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Attempts in all.
    pub attempts: u32,
    /// Pause before the second attempt; doubles from there.
    pub pause: Duration,
}

impl Default for Budget {
    /// Three attempts within about two seconds: the sender of a delivery tries again anyway.
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(200),
        }
    }
}

/// Makes a **repeatable** call until it succeeds, fails for good, or the budget is spent.
///
/// `again` says of an error whether another attempt may help.
pub async fn repeatable<T, E, F>(
    budget: Budget,
    again: impl Fn(&E) -> bool,
    mut call: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut pause = budget.pause;
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error) if attempt < budget.attempts && again(&error) => {
                // Full jitter: many instances must not come back in step.
                let share: f64 = rand::rng().random_range(0.0..1.0);
                tokio::time::sleep(pause.mul_f64(share)).await;
                pause = (pause * 2).min(PAUSE_MAX);
                attempt += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[track_caller]
    fn check(failures: u32, again: bool, calls: u32, succeeds: bool) {
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
                Err(())
            })
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let result = runtime.block_on(repeatable(budget, |()| again, call));
        assert_eq!(
            (made.get(), result.is_ok()),
            (calls, succeeds),
            "{failures}"
        );
    }

    #[test]
    fn a_call_is_tried_until_the_budget_is_spent() {
        check(0, true, 1, true);
        check(2, true, 3, true);
        check(3, true, 3, false);
        check(1, false, 1, false);
    }
}
