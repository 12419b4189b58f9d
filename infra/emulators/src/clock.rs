//! Time that can run faster than the wall's, so that an hour of tuning fits a demonstration.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// The time of the simulated cloud: `origin + (wall − origin) × speed`.
///
/// The same two numbers give every process of the machine the same time, without
/// asking anyone: see [`Clock::origin`] and [`Clock::speed`].
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

/// The two numbers that a clock is made of.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct State {
    /// When it showed the wall's time.
    pub origin: DateTime<Utc>,
    /// Simulated seconds in one second of the wall.
    pub speed: f64,
}

#[derive(Debug)]
struct Inner {
    origin: DateTime<Utc>,
    speed: f64,
}

impl Clock {
    /// A clock that shows the wall's time at `origin` and runs `speed` times as fast from there.
    pub fn new(origin: DateTime<Utc>, speed: f64) -> Self {
        Self(Arc::new(Inner { origin, speed }))
    }

    /// Starts now, at `speed`.
    pub fn starting_now(speed: f64) -> Self {
        Self::new(wall(), speed)
    }

    /// What a later process needs to go on from this clock.
    pub fn state(&self) -> State {
        State {
            origin: self.0.origin,
            speed: self.0.speed,
        }
    }

    /// A clock at `speed` that shows now what the clock of `state` shows now; it went on while no
    /// process ran, as the cloud does.
    ///
    /// `None` where no such clock exists: at speed 1 a clock agrees with the wall, so it cannot
    /// be ahead of it.
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

    /// When this clock and the wall showed the same.
    pub fn origin(&self) -> DateTime<Utc> {
        self.0.origin
    }

    /// Simulated seconds in one second of the wall.
    pub fn speed(&self) -> f64 {
        self.0.speed
    }

    /// The simulated time.
    pub fn now(&self) -> DateTime<Utc> {
        let passed = (wall() - self.0.origin).to_std().unwrap_or(Duration::ZERO);
        let simulated = passed.mul_f64(self.0.speed);
        self.0.origin + TimeDelta::from_std(simulated).unwrap_or(TimeDelta::MAX)
    }

    /// How long the wall takes for `simulated`.
    pub fn wall(&self, simulated: Duration) -> Duration {
        simulated.div_f64(self.0.speed)
    }

    /// Waits until `simulated` has passed on this clock.
    pub async fn sleep(&self, simulated: Duration) {
        tokio::time::sleep(self.wall(simulated)).await;
    }
}

/// The time on the wall.
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
    fn a_fast_clock_gains_on_the_wall() {
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
