//! Losses of other forms than those on which the thresholds of the rules were chosen: a rule that only fits
//! those fails here. Thresholds are never chosen on these.

use super::{LossTrend, noise::Random, shape::Shape};

/// Losses without noise, by step. Each shape of the corpus has another form here:
///
/// | shape | its form here |
/// |---|---|
/// | `Exponential` | two exponentials, a fast and a slow one |
/// | `PowerLaw` | falls with the logarithm of the steps |
/// | `WarmUpBump` | flat at first, while the learning rate warms up |
/// | `EpochSteps` | restarts of the learning rate: a small rise, then a fall |
/// | `FlatTail` | falls along half a cosine, then flat |
/// | `NotANumber` | infinite, then not a number |
/// | `Diverged` | climbs in a line, or jumps to another level |
/// | `Overfit` | the evaluation loss rises slowly at first, or at once |
/// | `Plateau` | rises by up to a hundredth |
/// | `Stalled` | as `FlatTail`, to its last step |
/// | `Oscillating` | a sine, or a sawtooth |
#[derive(Debug, Clone)]
pub(crate) struct HeldOutTrend {
    shape: Shape,
    steps: f64,
    start: f64,
    floor: f64,
    /// The share of the job that the fall takes.
    pace: f64,
    /// Of two variants of a form, the second one.
    is_variant: bool,
    /// A count of restarts, or of swings.
    times: f64,
    gap: f64,
    /// The share of the job at which a fault begins.
    onset: f64,
    /// How far a fault goes, relative.
    size: f64,
}

impl HeldOutTrend {
    pub(crate) fn new(shape: Shape, steps: u64, random: &mut Random) -> Self {
        let real = f64::from(u32::try_from(steps).unwrap_or(u32::MAX));
        let start = random.real(0.6, 4.0);
        let lowest = random.log(0.03, 0.7);
        let pace = match shape {
            Shape::WarmUpBump => random.real(0.02, 0.12),
            Shape::FlatTail | Shape::Stalled => random.real(0.1, 0.5).max(4.0 / real),
            _ => random.log(0.03, 0.6),
        };
        let (onset, size) = match shape {
            Shape::NotANumber => (random.real(0.1, 0.75), 0.0),
            Shape::Diverged => (random.real(0.1, 0.55), random.real(2.5, 12.0)),
            Shape::Overfit => (random.real(0.2, 0.45), random.real(0.35, 1.5)),
            Shape::Stalled => (random.real(0.15, 0.85), 0.0),
            Shape::Oscillating => (random.real(0.0, 0.15), random.real(0.6, 1.2)),
            _ => (0.0, random.real(0.02, 0.15)),
        };
        Self {
            shape,
            steps: real,
            start,
            floor: start * lowest,
            pace,
            is_variant: random.unit() < 0.5,
            times: match shape {
                Shape::Oscillating => random.real(15.0, 60.0).min(real / 16.0).max(1.0),
                _ => f64::from(u32::try_from(random.whole(2, 6)).unwrap_or(2)),
            },
            gap: random.real(1.0, 1.4),
            onset,
            size,
        }
    }

    fn share(&self, step: u64) -> f64 {
        f64::from(u32::try_from(step).unwrap_or(u32::MAX)) / self.steps
    }

    fn fall(&self, at: f64) -> f64 {
        let depth = self.start - self.floor;
        match self.shape {
            Shape::PowerLaw => {
                let share = (1.0 + 60.0 * at).ln() / 61.0_f64.ln();
                self.start - depth * share.min(1.0)
            }
            Shape::WarmUpBump => {
                let since = (at - self.pace).max(0.0);
                self.floor + depth * (-since / 0.15).exp()
            }
            Shape::EpochSteps => {
                let within = (at * self.times).fract();
                let restarts = at * self.times >= 1.0;
                let rise = if restarts {
                    self.size * (-within / 0.1).exp()
                } else {
                    0.0
                };
                (self.floor + depth * (-at / self.pace).exp()) * (1.0 + rise)
            }
            Shape::FlatTail | Shape::Stalled => {
                let angle = std::f64::consts::PI * (at / self.pace).min(1.0);
                self.floor + depth * f64::midpoint(1.0, angle.cos())
            }
            Shape::Plateau => self.start * (1.0 + 0.01 * at),
            _ => {
                let fast = 0.6 * (-at / self.pace).exp();
                let slow = 0.4 * (-at / (4.0 * self.pace)).exp();
                self.floor + depth * (fast + slow)
            }
        }
    }

    /// What a divergence adds: a line, or another level.
    fn divergence(&self, since: f64) -> f64 {
        let level = self.fall(self.onset);
        match () {
            () if since <= 0.0 => 0.0,
            () if self.is_variant => level * (self.size - 1.0).min(3.0),
            () => level * (self.size * since / 0.4).min(self.size),
        }
    }

    /// Between -1 and 1.
    fn swing(&self, since: f64) -> f64 {
        let turns = since * self.times;
        if self.is_variant {
            (std::f64::consts::TAU * turns).sin()
        } else {
            2.0 * turns.fract() - 1.0
        }
    }
}

impl LossTrend for HeldOutTrend {
    fn floor(&self) -> f64 {
        self.floor
    }

    fn onset(&self) -> u64 {
        super::whole_steps(self.steps * self.onset)
    }

    fn last_step(&self) -> u64 {
        match self.shape {
            Shape::Stalled => self.onset().max(1),
            _ => super::whole_steps(self.steps),
        }
    }

    fn train(&self, step: u64) -> f64 {
        let at = self.share(step);
        let since = at - self.onset;
        let loss = self.fall(at);
        match self.shape {
            Shape::NotANumber if since > 0.05 => f64::NAN,
            Shape::NotANumber if since > 0.0 => f64::INFINITY,
            Shape::Diverged => loss + self.divergence(since),
            Shape::Overfit if since > 0.0 => loss * (1.0 - 0.3 * since),
            Shape::Oscillating if since > 0.0 => {
                loss * (1.0 + 0.5 * self.size * (1.0 + self.swing(since)))
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
            Shape::Overfit if since > 0.0 => {
                let turn = self.fall(self.onset) * self.gap;
                let share = since / (1.0 - self.onset);
                let rise = if self.is_variant {
                    share.sqrt()
                } else {
                    share * share
                };
                turn * (1.0 + self.size * rise)
            }
            _ => loss,
        }
    }
}
