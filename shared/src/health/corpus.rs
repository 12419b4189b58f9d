//! Healthy and faulty losses with known noise, made from a seed, and what the rules say about them.
//!
//! Plain data: nothing here knows the rules, so that they are measured, not repeated.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question has one answer for most shapes"
)]

pub(crate) mod held_out;
pub(crate) mod noise;
pub(crate) mod replay;
pub(crate) mod shape;
pub(crate) mod table;

use self::{
    held_out::HeldOutTrend,
    noise::{Noise, Random},
    shape::{Shape, Trend},
};

/// Which losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Corpus {
    /// Those on which the thresholds of the rules were chosen.
    Chosen,
    /// Other forms, from other seeds.
    HeldOut,
}

/// What turns the seeds of one corpus into those of the other.
const HELD_OUT_SEED: u64 = 0xc0de_cafe_0b5e_55ed;

/// Losses without noise, by step.
pub(crate) trait LossTrend {
    /// The lowest loss.
    fn floor(&self) -> f64;
    /// The step at which the fault begins.
    fn onset(&self) -> u64;
    /// The last step that is made.
    fn last_step(&self) -> u64;
    /// The training loss.
    fn train(&self, step: u64) -> f64;
    /// The evaluation loss.
    fn eval(&self, step: u64) -> f64;
}

/// Of some 10,000 steps, a whole number is near enough.
fn whole_steps(steps: f64) -> u64 {
    (1..=10_000_000)
        .find(|step: &u32| f64::from(*step) >= steps.round())
        .map_or(1, u64::from)
}

/// The losses of a made-up job.
#[derive(Debug, Clone)]
pub(crate) struct SyntheticJob {
    /// What is wrong with it, if anything.
    pub(crate) shape: Shape,
    /// Its steps.
    pub(crate) steps_total: u64,
    /// The step at which the fault begins; 0 for a healthy one.
    pub(crate) onset: u64,
    /// The training loss of each step, the first at step 1; shorter than the job where it stalls.
    pub(crate) train: Vec<f64>,
    /// Steps and evaluation losses.
    pub(crate) eval: Vec<(u64, f64)>,
}

impl SyntheticJob {
    /// The job of a seed. `sigma` is the noise of one step, as a share of the loss.
    pub(crate) fn new(
        corpus: Corpus,
        shape: Shape,
        sigma: f64,
        steps_total: u64,
        seed: u64,
    ) -> Self {
        match corpus {
            Corpus::Chosen => {
                let mut random = Random::new(seed);
                let trend = Trend::new(shape, steps_total, &mut random);
                Self::of(&trend, shape, sigma, steps_total, random)
            }
            Corpus::HeldOut => {
                let mut random = Random::new(seed ^ HELD_OUT_SEED);
                let trend = HeldOutTrend::new(shape, steps_total, &mut random);
                Self::of(&trend, shape, sigma, steps_total, random)
            }
        }
    }

    /// The job with the losses of `trend`, and noise.
    fn of(
        trend: &impl LossTrend,
        shape: Shape,
        sigma: f64,
        steps_total: u64,
        mut random: Random,
    ) -> Self {
        let mut noise = Noise::new(sigma, trend.floor(), &mut random);
        let last = trend.last_step();
        let train = (1..=last)
            .map(|step| noise.apply(trend.train(step), &mut random))
            .collect();
        // Evaluations average over many rows, the same ones each time, so they are less noisy; those
        // of a model that does not change hardly differ at all. Healthy ones are examined with as much
        // noise as the steps have, too.
        let shares: &[f64] = match shape {
            Shape::Plateau => &[0.01, 0.02, 0.05],
            shape if shape.is_healthy() => &[0.05, 0.1, 0.2, 1.0],
            _ => &[0.05, 0.1, 0.2],
        };
        let sigma = sigma * random.choose(shares);
        let mut noise = Noise::new(sigma, trend.floor(), &mut random);
        let evaluations = random.whole(10, 40).min(steps_total);
        let has_eval = shape.needs_evaluation() || random.real(0.0, 1.0) < 0.6;
        let eval = (1..=evaluations)
            .map(|number| number * steps_total / evaluations)
            .filter(|step| has_eval && *step <= last)
            .map(|step| (step, noise.apply(trend.eval(step), &mut random)))
            .collect();
        Self {
            shape,
            steps_total,
            onset: trend.onset(),
            train,
            eval,
        }
    }
}
