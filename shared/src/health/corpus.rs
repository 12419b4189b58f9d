//! Healthy and faulty losses with known noise, made from a seed, and what the rules say about them.
//!
//! Plain data: nothing here knows the rules, so that they are measured, not repeated.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question has one answer for most shapes"
)]

pub(crate) mod noise;
pub(crate) mod replay;
pub(crate) mod shape;
pub(crate) mod table;

use self::{
    noise::{Noise, Random},
    shape::{Shape, Trend},
};

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
    pub(crate) fn new(shape: Shape, sigma: f64, steps_total: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let trend = Trend::new(shape, steps_total, &mut random);
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
