//! Shares of jobs that are stopped or found, by shape, noise and steps.

use std::collections::BTreeMap;

use super::{
    Corpus, SyntheticJob,
    replay::{Outcome, replay},
    shape::Shape,
};

/// Jobs of one shape, one noise and one number of steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// Jobs.
    pub(crate) jobs: u32,
    /// Healthy ones that were stopped; faulty ones whose fault was found.
    pub(crate) hits: u32,
    /// Jobs of which a swing was noted.
    pub(crate) swings: u32,
    /// For what healthy ones were stopped, and faulty ones where that is not their fault.
    pub(crate) wrong: BTreeMap<&'static str, u32>,
    /// The sum of the delays, in steps.
    delay_steps: f64,
    /// The sum of the delays, as shares of the job.
    delay_share: f64,
}

impl Cell {
    pub(crate) fn of(
        corpus: Corpus,
        shape: Shape,
        sigma: f64,
        steps: u64,
        jobs: u32,
        ticks: u64,
    ) -> Self {
        let mut cell = Self::default();
        for number in 0..jobs {
            let place = steps
                .wrapping_mul(31)
                .wrapping_add(sigma.to_bits())
                .rotate_left(20);
            let seed = place ^ (u64::from(shape.number()) << 40) ^ u64::from(number);
            let job = SyntheticJob::new(corpus, shape, sigma, steps, seed);
            cell.add(&job, &replay(&job, ticks, seed));
        }
        cell
    }

    pub(crate) fn add(&mut self, job: &SyntheticJob, outcome: &Outcome) {
        self.jobs += 1;
        self.swings += u32::from(outcome.swings);
        match (job.shape.code(), outcome.found, outcome.stopped) {
            (None, _, Some((code, _))) => {
                self.hits += 1;
                *self.wrong.entry(code).or_default() += 1;
            }
            (Some(_), Some(step), _) => {
                self.hits += 1;
                let real = |step: u64| f64::from(u32::try_from(step).unwrap_or(u32::MAX));
                let delay = real(step.saturating_sub(job.onset));
                self.delay_steps += delay;
                self.delay_share += delay / real(job.steps_total);
            }
            (Some(_), None, Some((code, _))) => *self.wrong.entry(code).or_default() += 1,
            (None, _, None) | (Some(_), None, None) => {}
        }
    }

    pub(crate) fn include(&mut self, more: &Self) {
        self.jobs += more.jobs;
        self.swings += more.swings;
        self.hits += more.hits;
        self.delay_steps += more.delay_steps;
        self.delay_share += more.delay_share;
        for (code, count) in &more.wrong {
            *self.wrong.entry(code).or_default() += count;
        }
    }

    /// Healthy jobs that were stopped, or faulty ones that were found, as a share.
    pub(crate) fn share(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.jobs.max(1))
    }

    /// The mean delay between fault and finding: in steps, and as a share of the job.
    pub(crate) fn delay(&self) -> (f64, f64) {
        let hits = f64::from(self.hits.max(1));
        (self.delay_steps / hits, self.delay_share / hits)
    }
}
