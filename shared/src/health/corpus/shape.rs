//! The losses of a job without their noise.

use super::{LossTrend, noise::Random, whole_steps};

/// What a job's losses do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// Falls exponentially to a floor, fast or slowly.
    Exponential,
    /// Falls by a power of the steps.
    PowerLaw,
    /// Rises first, while the learning rate warms up.
    WarmUpBump,
    /// Falls in steps, at the end of each epoch.
    EpochSteps,
    /// Falls early, and is flat for most of the job, since the learning rate decays.
    FlatTail,
    /// The training loss stops being a number.
    NotANumber,
    /// The training loss climbs, fast or slowly.
    Diverged,
    /// The evaluation loss turns.
    Overfit,
    /// Never falls.
    Plateau,
    /// Makes no more steps.
    Stalled,
    /// Swings.
    Oscillating,
}

pub(crate) const HEALTHY: [Shape; 5] = [
    Shape::Exponential,
    Shape::PowerLaw,
    Shape::WarmUpBump,
    Shape::EpochSteps,
    Shape::FlatTail,
];

pub(crate) const FAULTY: [Shape; 6] = [
    Shape::NotANumber,
    Shape::Diverged,
    Shape::Overfit,
    Shape::Plateau,
    Shape::Stalled,
    Shape::Oscillating,
];

impl Shape {
    pub(crate) fn is_healthy(self) -> bool {
        HEALTHY.contains(&self)
    }

    /// A number of its own, for seeds.
    pub(crate) fn number(self) -> u8 {
        let at = HEALTHY.iter().chain(&FAULTY).position(|it| *it == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    /// Whether its fault shows in evaluations only.
    pub(crate) fn needs_evaluation(self) -> bool {
        matches!(self, Self::Overfit | Self::Plateau)
    }

    /// The code of the finding that it should lead to.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::Exponential
            | Self::PowerLaw
            | Self::WarmUpBump
            | Self::EpochSteps
            | Self::FlatTail => None,
            Self::NotANumber => Some("not_a_number"),
            Self::Diverged => Some("diverged"),
            Self::Overfit => Some("overfit"),
            Self::Plateau => Some("plateau"),
            Self::Stalled => Some("stalled"),
            Self::Oscillating => Some("oscillating"),
        }
    }
}

/// Losses without noise, by step.
#[derive(Debug, Clone)]
pub(crate) struct Trend {
    shape: Shape,
    steps: f64,
    start: f64,
    floor: f64,
    /// The share of the job in which a loss falls by the factor e; the exponent of a power law.
    pace: f64,
    bump: f64,
    epochs: f64,
    gap: f64,
    /// The share of the job at which a fault begins.
    onset: f64,
    /// The share of the job in which a divergence grows by the factor e; the period of a swing.
    speed: f64,
    /// How far a fault goes, relative.
    size: f64,
}

impl Trend {
    pub(crate) fn new(shape: Shape, steps: u64, random: &mut Random) -> Self {
        let real = f64::from(u32::try_from(steps).unwrap_or(u32::MAX));
        let start = random.real(0.8, 3.5);
        let lowest = match shape {
            Shape::Plateau => random.real(0.99, 1.0),
            _ => random.log(0.02, 0.75),
        };
        let pace = match shape {
            // Not before the third step, or else nothing of the fall would be seen.
            Shape::FlatTail => random.log(0.005, 0.05).max(3.0 / real),
            Shape::PowerLaw => random.real(0.3, 1.2),
            _ => random.log(0.02, 1.0),
        };
        let (onset, size) = match shape {
            Shape::NotANumber => (random.real(0.05, 0.8), 0.0),
            Shape::Diverged => (random.real(0.05, 0.6), random.log(3.0, 30.0)),
            Shape::Overfit => (random.real(0.15, 0.5), random.log(0.3, 2.0)),
            Shape::Stalled => (random.real(0.1, 0.9), 0.0),
            Shape::Oscillating => (random.real(0.0, 0.2), random.real(0.5, 1.0)),
            _ => (0.0, 0.0),
        };
        Self {
            shape,
            steps: real,
            start,
            floor: start * lowest,
            pace,
            bump: random.real(0.1, 0.6),
            epochs: f64::from(u32::try_from(random.whole(2, 8)).unwrap_or(2)),
            gap: random.real(1.0, 1.3),
            onset,
            speed: match shape {
                Shape::Oscillating => random.log(0.01, 0.06),
                _ => random.log(0.02, 0.15),
            },
            size,
        }
    }

    fn share(&self, step: u64) -> f64 {
        f64::from(u32::try_from(step).unwrap_or(u32::MAX)) / self.steps
    }

    /// What was gained is lost again, and more, up to a limit.
    fn divergence(&self, since: f64) -> f64 {
        if since <= 0.0 {
            return 0.0;
        }
        let scale = 0.3 * self.fall(self.onset);
        (scale * (since / self.speed).exp_m1()).min(self.size * self.fall(self.onset))
    }

    fn fall(&self, at: f64) -> f64 {
        let depth = self.start - self.floor;
        let exponential = |at: f64| self.floor + depth * (-at / self.pace).exp();
        match self.shape {
            Shape::PowerLaw => self.floor + depth * (1.0 + 300.0 * at).powf(-self.pace),
            Shape::WarmUpBump => {
                let peak = (at - 0.02) / 0.012;
                exponential(at) + self.bump * self.start * (-peak * peak / 2.0).exp()
            }
            Shape::EpochSteps => {
                let epoch = (at * self.epochs).floor();
                // Within an epoch it falls a little.
                let within = (at * self.epochs).fract();
                exponential((epoch + 0.15 * within) / self.epochs)
            }
            Shape::Plateau => self.start + (self.floor - self.start) * at,
            _ => exponential(at),
        }
    }
}

impl LossTrend for Trend {
    fn floor(&self) -> f64 {
        self.floor
    }

    fn onset(&self) -> u64 {
        whole_steps(self.steps * self.onset)
    }

    fn last_step(&self) -> u64 {
        match self.shape {
            Shape::Stalled => self.onset(),
            _ => whole_steps(self.steps),
        }
    }

    fn train(&self, step: u64) -> f64 {
        let at = self.share(step);
        let since = at - self.onset;
        let loss = self.fall(at);
        match self.shape {
            Shape::NotANumber if since > 0.0 => f64::NAN,
            Shape::Diverged => loss + self.divergence(since),
            // Goes on falling: the rows are learned by heart.
            Shape::Overfit if since > 0.0 => loss * (1.0 - 0.5 * since),
            Shape::Oscillating if since > 0.0 => {
                // A square wave, about as many swings as the job has room for.
                let period = self.speed.max(16.0 / self.steps);
                let is_high = (since / period).fract() < 0.5;
                if is_high {
                    loss * (1.0 + self.size)
                } else {
                    loss
                }
            }
            _ => loss,
        }
    }

    fn eval(&self, step: u64) -> f64 {
        let at = self.share(step);
        let since = (at - self.onset).max(0.0);
        let loss = self.fall(at) * self.gap;
        match self.shape {
            Shape::NotANumber if since > 0.0 => f64::NAN,
            Shape::Diverged => loss + self.divergence(since),
            // The size is reached at the end of the job.
            Shape::Overfit if since > 0.0 => {
                let turn = self.fall(self.onset) * self.gap;
                turn * (1.0 + self.size * since / (1.0 - self.onset))
            }
            _ => loss,
        }
    }
}
