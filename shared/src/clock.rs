//! The time: the one place that asks for it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Reader;

/// Gives the time, the system's by default.
///
/// A clock with a speed shows `origin + (now − origin) × speed`. That lets an hour of
/// tuning pass in seconds against a simulated cloud; every process that is given the
/// same two numbers shows the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: DateTime<Utc>,
    speed: f64,
}

impl Clock {
    /// The system's time.
    pub fn system() -> Self {
        Self {
            origin: DateTime::UNIX_EPOCH,
            speed: 1.0,
        }
    }

    /// A clock that agreed with the system's at `origin` and has run `speed` times as fast since.
    pub fn fast(origin: DateTime<Utc>, speed: f64) -> Self {
        Self { origin, speed }
    }

    /// Reads `CLOCK_SPEED` (1 by default) and `CLOCK_ORIGIN` (RFC 3339; needed with a speed).
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let speed = read.or("CLOCK_SPEED", 1.0_f64)?;
        let origin = read.or("CLOCK_ORIGIN", DateTime::UNIX_EPOCH)?;
        if !(speed.is_finite() && speed > 0.0) {
            read.fault(format!("CLOCK_SPEED is `{speed}`: must be above 0"));
            return None;
        }
        if (speed - 1.0).abs() > f64::EPSILON && origin == DateTime::UNIX_EPOCH {
            read.fault("CLOCK_ORIGIN is not set: a clock with a speed needs one");
            return None;
        }
        Some(Self { origin, speed })
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that asks the system for the time"
        )]
        let now = Utc::now();
        if (self.speed - 1.0).abs() <= f64::EPSILON {
            return now;
        }
        let passed = (now - self.origin).to_std().unwrap_or(Duration::ZERO);
        let passed = TimeDelta::from_std(passed.mul_f64(self.speed)).unwrap_or(TimeDelta::MAX);
        self.origin
            .checked_add_signed(passed)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// How much of this clock's time passes while `span` passes on the system's.
    ///
    /// For the deadlines of real work: a call that is given up after 30 s takes 30 s of the
    /// system's time, however fast this clock runs.
    pub fn passing(&self, span: Duration) -> TimeDelta {
        TimeDelta::from_std(span.mul_f64(self.speed)).unwrap_or(TimeDelta::MAX)
    }

    /// How long the system's clock takes for `span` of this one.
    pub fn real(&self, span: Duration) -> Duration {
        span.div_f64(self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Vars;

    #[test]
    fn a_speed_without_an_origin_is_a_fault() {
        let vars = Vars::from([("CLOCK_SPEED".to_owned(), "60".to_owned())]);
        let mut read = Reader::new(&vars);
        let clock = Clock::read(&mut read);
        let error = read.finish(|| clock).unwrap_err();
        assert!(error.to_string().contains("CLOCK_ORIGIN"), "{error}");
    }

    #[test]
    fn a_fast_clock_gains_on_the_system() {
        let system = Clock::system();
        let fast = Clock::fast(system.now() - TimeDelta::minutes(1), 60.0);
        let gained = (fast.now() - system.now()).num_minutes();
        assert!((58..=59).contains(&gained), "{gained} minutes");
        assert_eq!(fast.real(Duration::from_mins(1)), Duration::from_secs(1));
    }
}
