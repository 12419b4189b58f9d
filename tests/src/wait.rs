//! Waiting for a state, never for a number of seconds: a wait gives up once the system has stopped.
//!
//! Seconds of the wall clock say little on a busy machine: a process that gets a tenth of a
//! processor takes ten times as long and is not stuck. So a wait counts what the system has done
//! ([`ProgressCounter`]), and the time in which it was able to do something ([`AbleTime`]).

mod able_time;

use std::{
    fmt::{self, Debug},
    future::Future,
    time::{Duration, Instant},
};

pub use able_time::AbleTime;

/// Pause before the second poll of the awaited state; each later one is half as long again, since what has taken
/// long may take a little longer, and polls cost the processor that the system needs.
const POLL_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between two polls: a held call waits for seconds.
const POLL_PAUSE_MAX: Duration = Duration::from_millis(200);

/// Pause between two measurements of progress, which cost more than a poll.
const MEASURE_PAUSE: Duration = Duration::from_millis(500);

/// Able time without any progress after which a system counts as stuck. The longest honest silence
/// is that of one task that reads a hundred megabytes in an unoptimised build.
const IDLE_MAX: Duration = Duration::from_mins(2);

/// Able time after which a system counts as stuck although it progresses: it repeats itself.
const TOTAL_MAX: Duration = Duration::from_mins(15);

/// A system that a test waits for, as a counter that grows while it gets on.
pub trait ProgressCounter {
    /// The steps that the system has done so far. What happens without end, such as ticks, must
    /// not count, or a stuck system looks busy.
    fn steps(&self) -> impl Future<Output = u64>;
}

/// Where there is nothing to count, able time alone decides.
impl ProgressCounter for () {
    async fn steps(&self) -> u64 {
        0
    }
}

/// Polls `state` until it gives a value, and gives that; panics with what was last seen once the
/// system behind `progress` has stopped.
///
/// `state` answers `Ok` with the awaited value, or `Err` with what it saw instead.
#[expect(clippy::panic, reason = "a wait that fails, fails the test that waits")]
pub async fn until<T, S, F>(
    what: &str,
    progress: &impl ProgressCounter,
    mut state: impl FnMut() -> F,
) -> T
where
    S: Debug,
    F: Future<Output = Result<T, S>>,
{
    let mut patience = Patience::new(progress).await;
    let mut pause = POLL_PAUSE;
    loop {
        let seen = match state().await {
            Ok(value) => return value,
            Err(seen) => seen,
        };
        if let Some(reason) = patience.is_over(progress).await {
            panic!("waited in vain for {what}: {reason}; last saw {seen:#?}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(POLL_PAUSE_MAX);
    }
}

/// Waits for the output of `future` as patiently as [`until`] waits for a state.
#[expect(clippy::panic, reason = "a wait that fails, fails the test that waits")]
pub async fn output<T>(
    what: &str,
    progress: &impl ProgressCounter,
    future: impl Future<Output = T>,
) -> T {
    let mut future = std::pin::pin!(future);
    let mut patience = Patience::new(progress).await;
    loop {
        // Polled in place: a time-out around the future itself would drop it and lose its work.
        if let Ok(output) = tokio::time::timeout(POLL_PAUSE, &mut future).await {
            return output;
        }
        if let Some(reason) = patience.is_over(progress).await {
            panic!("waited in vain for {what}: {reason}");
        }
    }
}

/// How long a wait goes on.
struct Patience {
    started: Instant,
    measured: Instant,
    able: AbleTime,
    budget: Budget,
}

impl Patience {
    async fn new(progress: &impl ProgressCounter) -> Self {
        Self {
            started: Instant::now(),
            measured: Instant::now(),
            able: AbleTime::start(),
            budget: Budget::new(progress.steps().await),
        }
    }

    /// Why the wait ends now; `None` while it goes on.
    async fn is_over(&mut self, progress: &impl ProgressCounter) -> Option<String> {
        if self.measured.elapsed() < MEASURE_PAUSE {
            return None;
        }
        self.measured = Instant::now();
        let stopped = self.budget.spend(self.able.lap(), progress.steps().await)?;
        Some(format!(
            "{stopped} ({:?} of the wall clock)",
            self.started.elapsed()
        ))
    }
}

/// The able time that a wait may spend.
#[derive(Debug, PartialEq, Eq)]
struct Budget {
    first: u64,
    steps: u64,
    idle: Duration,
    total: Duration,
}

/// A system that counts as stuck.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    /// It did nothing any more.
    Idle { steps: u64, idle: Duration },
    /// It did much, and never what was awaited.
    Endless { steps: u64, total: Duration },
}

impl Budget {
    fn new(steps: u64) -> Self {
        Self {
            first: steps,
            steps,
            idle: Duration::ZERO,
            total: Duration::ZERO,
        }
    }

    /// Spends `able` time, at whose end the system has done `steps`.
    fn spend(&mut self, able: Duration, steps: u64) -> Option<Stopped> {
        self.total += able;
        self.idle = if steps == self.steps {
            self.idle + able
        } else {
            Duration::ZERO
        };
        self.steps = steps;
        let steps = steps.saturating_sub(self.first);
        if self.idle >= IDLE_MAX {
            let idle = self.idle;
            return Some(Stopped::Idle { steps, idle });
        }
        let total = self.total;
        (total >= TOTAL_MAX).then_some(Stopped::Endless { steps, total })
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle { steps, idle } => write!(
                f,
                "after {steps} steps the system did nothing for {idle:?} in which it had a processor"
            ),
            Self::Endless { steps, total } => write!(
                f,
                "the system did {steps} steps in {total:?} in which it had a processor"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Spends seconds until the wait is over; gives how many, and why.
    fn spent(mut steps_at: impl FnMut(u64) -> u64) -> (u64, Stopped) {
        let mut budget = Budget::new(7);
        let mut seconds = 1..;
        let over = seconds.find_map(|second| {
            let stopped = budget.spend(SECOND, steps_at(second))?;
            Some((second, stopped))
        });
        over.unwrap()
    }

    #[test]
    fn a_system_that_does_nothing_is_given_up() {
        let idle = IDLE_MAX;
        assert_eq!(spent(|_| 7), (120, Stopped::Idle { steps: 0, idle }));
    }

    #[test]
    fn each_step_gives_the_system_all_its_time_again() {
        let idle = IDLE_MAX;
        let stops = |second: u64| 7 + second.min(300) / 100;
        assert_eq!(spent(stops), (420, Stopped::Idle { steps: 3, idle }));
    }

    #[test]
    fn a_system_that_repeats_itself_is_given_up_in_the_end() {
        let total = TOTAL_MAX;
        let (second, stopped) = spent(|second| 7 + second);
        assert_eq!(second, 900);
        assert_eq!(stopped, Stopped::Endless { steps: 900, total });
    }

    #[tokio::test]
    async fn a_state_is_polled_until_it_is_there() {
        let polls = Cell::new(0);
        let value = until("the third poll", &(), || {
            polls.set(polls.get() + 1);
            std::future::ready(if polls.get() == 3 { Ok("it") } else { Err(()) })
        });
        assert_eq!((value.await, polls.get()), ("it", 3));
    }

    #[tokio::test]
    async fn an_output_that_takes_longer_than_a_poll_is_kept() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(POLL_PAUSE * 3).await;
            sender.send("it")
        });
        assert_eq!(output("it", &(), receiver).await, Ok("it"));
    }
}
