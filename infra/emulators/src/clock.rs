//! Time that can run faster than the wall's, so that an hour of tuning fits a demonstration.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

/// The time of the simulated cloud: `origin + (wall − origin) × speed`.
///
/// The same two numbers give every process of the machine the same time, without
/// asking anyone: see [`Clock::origin`] and [`Clock::speed`].
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

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
        Self::new(Utc::now(), speed)
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
        let wall = (Utc::now() - self.0.origin)
            .to_std()
            .unwrap_or(Duration::ZERO);
        let simulated = wall.mul_f64(self.0.speed);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_gains_on_the_wall() {
        let hour = TimeDelta::hours(1);
        let clock = Clock::new(Utc::now() - hour, 3.0);
        let gained = clock.now() - Utc::now();
        assert!((gained - hour * 2).num_seconds().abs() <= 1, "{gained}");
        assert_eq!(
            clock.wall(Duration::from_secs(6)),
            Duration::from_secs(2),
            "six simulated seconds pass in two"
        );
    }
}
