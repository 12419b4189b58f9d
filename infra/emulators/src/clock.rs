//! Time that can run faster than the wall clock, so that an hour of tuning fits a demonstration.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The time of the simulated cloud: `origin + (wall − origin) × speed`.
///
/// With the same two numbers every process of the machine computes the same time, without any
/// communication: see [`Clock::origin`] and [`Clock::speed`].
#[derive(Debug, Clone)]
pub struct Clock(State);

/// The two numbers that define a clock.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// When it showed the wall-clock time.
    pub origin: DateTime<Utc>,
    /// Simulated seconds per second of the wall clock.
    pub speed: f64,
}

impl Clock {
    /// A clock that shows the wall-clock time at `origin` and runs `speed` times as fast from there.
    pub fn new(origin: DateTime<Utc>, speed: f64) -> Self {
        Self(State { origin, speed })
    }

    /// Starts now, at `speed`.
    pub fn starting_now(speed: f64) -> Self {
        Self::new(wall(), speed)
    }

    /// What a later process needs to continue this clock.
    pub fn state(&self) -> State {
        self.0
    }

    /// A clock at `speed` that now shows the same as the clock of `state`, which ran on while no
    /// process did, as the cloud does.
    ///
    /// `None` if no such clock exists: at speed 1 a clock equals the wall clock, so it cannot be
    /// ahead of it.
    pub fn continued(state: &State, speed: f64) -> Option<Self> {
        let before = Self::new(state.origin, state.speed);
        if (speed - state.speed).abs() <= f64::EPSILON {
            return Some(before);
        }
        let ahead = (before.now() - wall()).to_std().unwrap_or_default();
        if speed <= 1.0 {
            return ahead.is_zero().then(|| Self::starting_now(speed));
        }
        // Solves `origin + (wall − origin) × speed = wall + ahead` for the origin.
        let since = TimeDelta::from_std(ahead.div_f64(speed - 1.0)).ok()?;
        Some(Self::new(wall() - since, speed))
    }

    /// When this clock showed the wall-clock time.
    pub fn origin(&self) -> DateTime<Utc> {
        self.0.origin
    }

    /// Simulated seconds per second of the wall clock.
    pub fn speed(&self) -> f64 {
        self.0.speed
    }

    /// The simulated time.
    pub fn now(&self) -> DateTime<Utc> {
        let passed = (wall() - self.0.origin).to_std().unwrap_or(Duration::ZERO);
        let simulated = passed.mul_f64(self.0.speed);
        self.0.origin + TimeDelta::from_std(simulated).unwrap_or(TimeDelta::MAX)
    }

    /// The wall-clock duration of `simulated`.
    pub fn wall(&self, simulated: Duration) -> Duration {
        simulated.div_f64(self.0.speed)
    }

    /// Waits until `simulated` has passed on this clock.
    pub async fn sleep(&self, simulated: Duration) {
        tokio::time::sleep(self.wall(simulated)).await;
    }
}

/// The wall-clock time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system for the time"
)]
fn wall() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continued_clock_never_goes_back() {
        let before = Clock::new(wall() - TimeDelta::hours(1), 10.0);
        let after = Clock::continued(&before.state(), 60.0).unwrap();
        let leap = (after.now() - before.now()).num_seconds();
        assert!((0..=2).contains(&leap), "{leap} s");
        assert!(Clock::continued(&before.state(), 1.0).is_none());
    }

    #[test]
    fn a_fast_clock_gains_on_the_wall_clock() {
        let hour = TimeDelta::hours(1);
        let clock = Clock::new(wall() - hour, 3.0);
        let gained = clock.now() - wall();
        assert!((gained - hour * 2).num_seconds().abs() <= 1, "{gained}");
        assert_eq!(
            clock.wall(Duration::from_secs(6)),
            Duration::from_secs(2),
            "six simulated seconds pass in two"
        );
    }
}
