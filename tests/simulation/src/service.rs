//! The service: what it answers, and what its jobs cost.

use std::rc::Rc;

use shared::google::vertex::TuningJob;

use crate::{
    fixtures, invariants,
    paid_job::PaidJob,
    profile::{MINUTE, SECOND},
    world::{CallFailed, SimulatedWorld},
};

impl SimulatedWorld {
    /// What the service says of a job.
    pub(crate) fn answer(&self, number: usize) -> Rc<TuningJob> {
        fixtures::answer(self.jobs[number].key(number, self.now))
    }

    /// Creates a job: run, attempt, region.
    pub(crate) fn create(&mut self, of: (usize, u32, usize)) -> usize {
        let number = self.jobs.len();
        let lag = self.rates.list_lag;
        let job = PaidJob::new(of, self.now, lag, &mut self.random);
        self.note(|_| format!("vertex: job {number} of run {} attempt {}", of.0, of.1));
        self.jobs.push(job);
        invariants::after_creation(self, number);
        number
    }

    /// Lists the jobs in a region, the oldest first, and whether that is all. A list lags behind, is
    /// refused, or ends early.
    pub(crate) fn list(&mut self, region: usize) -> Result<(Vec<usize>, bool), CallFailed> {
        let failure = self.random.chance(self.rates.list_failure);
        if failure && self.random.chance(500) {
            return Err(CallFailed);
        }
        let now = self.now;
        let jobs = self.jobs.iter().enumerate();
        let listed = jobs.filter(|(_, job)| job.region == region && job.is_listed(now));
        let mut numbers: Vec<usize> = listed.map(|(number, _)| number).collect();
        if failure {
            let kept = self.random.below(numbers.len() as u64 + 1);
            numbers.truncate(usize::try_from(kept).unwrap_or(0));
        }
        Ok((numbers, !failure))
    }

    /// Reads a job; `Ok(None)` is a stray 404.
    pub(crate) fn get(&mut self, number: usize) -> Result<Option<Rc<TuningJob>>, CallFailed> {
        self.fails()?;
        if self.random.chance(self.rates.stray_404) {
            return Ok(None);
        }
        Ok(Some(self.answer(number)))
    }

    /// Asks the service to stop a job; `Err` where the caller does not learn that it was accepted.
    pub(crate) fn cancel(&mut self, number: usize, by: &str) -> Result<(), CallFailed> {
        self.jobs[number].was_asked = true;
        self.fails()?;
        let is_idle = self.random.chance(self.rates.idle_cancel);
        self.note(|_| {
            let effect = if is_idle { ", without effect" } else { "" };
            format!("{by}: asks job {number} to stop{effect}")
        });
        if !is_idle {
            let at = self.now + self.random.between(5 * SECOND, 2 * MINUTE);
            self.jobs[number].cancel(self.now, at);
        }
        self.answered()
    }
}
