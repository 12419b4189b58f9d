//! Random numbers from a seed, and the noise of a loss.

/// A generator that gives the same numbers for the same seed on every machine: `SplitMix64`, Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators", 2014,
/// <https://doi.org/10.1145/2660193.2660195>.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        let upper = u32::try_from(self.next() >> 32).unwrap_or_default();
        f64::from(upper) / 4_294_967_296.0
    }

    pub(crate) fn real(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// A number between both, evenly on a logarithmic scale.
    pub(crate) fn log(&mut self, from: f64, to: f64) -> f64 {
        self.real(from.ln(), to.ln()).exp()
    }

    pub(crate) fn whole(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    pub(crate) fn choose(&mut self, from: &[f64]) -> f64 {
        let at = self.next() % u64::try_from(from.len()).unwrap_or(1);
        usize::try_from(at).map_or(0.0, |at| from.get(at).copied().unwrap_or_default())
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Student's t with 3 degrees of freedom, scaled to a variance of 1.
    pub(crate) fn heavy(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / squares.sqrt()
    }
}

/// How a step's loss differs from the trend.
#[derive(Debug, Clone)]
pub(crate) struct Noise {
    kind: NoiseKind,
    sigma: f64,
    floor: f64,
    before: f64,
}

#[derive(Debug, Clone, Copy)]
enum NoiseKind {
    /// As a share of the loss, log-normal.
    Share,
    /// Of the same size at every loss: `sigma` is the share at the floor.
    Added,
    /// As a share, with a heavy tail.
    Heavy,
    /// As a share, correlated with the step before by this much.
    Correlated(f64),
}

/// The largest exponent of a heavy tail: a spike by the factor twelve.
const SPIKE_MAX: f64 = 2.5;

impl Noise {
    pub(crate) fn new(sigma: f64, floor: f64, random: &mut Random) -> Self {
        let kind = match random.whole(0, 4) {
            0 | 1 => NoiseKind::Share,
            2 => NoiseKind::Added,
            3 => NoiseKind::Heavy,
            _ => NoiseKind::Correlated(random.choose(&[0.3, 0.5, 0.7])),
        };
        Self {
            kind,
            sigma,
            floor,
            before: random.normal(),
        }
    }

    pub(crate) fn apply(&mut self, loss: f64, random: &mut Random) -> f64 {
        match self.kind {
            NoiseKind::Share => loss * (self.sigma * random.normal()).exp(),
            NoiseKind::Added => {
                let loss = loss + self.sigma * self.floor * random.normal();
                // `max` would turn a NaN into 0.
                if loss < 0.0 { 0.0 } else { loss }
            }
            NoiseKind::Heavy => {
                let exponent = self.sigma * random.heavy();
                loss * exponent.clamp(-SPIKE_MAX, SPIKE_MAX).exp()
            }
            NoiseKind::Correlated(share) => {
                self.before = share * self.before + (1.0 - share * share).sqrt() * random.normal();
                loss * (self.sigma * self.before).exp()
            }
        }
    }
}
