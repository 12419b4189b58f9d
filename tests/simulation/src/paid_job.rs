//! A job of the service: it costs money until it ends, and appears in lists late.

use shared::{price::prices, spend::Usd};

use crate::{
    fixtures::PLANNED,
    profile::{MINUTE, SECOND},
    random::Random,
    stage::{EPOCHS, JobKey, JobStage},
};

/// A job that the service bills.
#[derive(Debug)]
pub(crate) struct PaidJob {
    pub(crate) run: usize,
    pub(crate) attempt: u32,
    pub(crate) region: usize,
    pub(crate) created: i64,
    /// When lists have it.
    listed: i64,
    /// How long it trains, after it has been pending.
    trains: i64,
    fails: bool,
    /// Whether its losses are lost.
    pub(crate) is_sick: bool,
    /// When it ends because it was asked to.
    cancelled: Option<i64>,
    /// Whether it was asked to, with whatever effect.
    pub(crate) was_asked: bool,
    /// When a tick has looked at what it costs.
    pub(crate) counted_at: Option<i64>,
    /// Sweeps that have seen it and did not ask it to stop, although its run does not want it.
    pub(crate) unasked_sweeps: u32,
}

const PENDING: i64 = 40 * SECOND;

impl PaidJob {
    pub(crate) fn new(
        (run, attempt, region): (usize, u32, usize),
        created: i64,
        list_lag: i64,
        random: &mut Random,
    ) -> Self {
        Self {
            run,
            attempt,
            region,
            created,
            listed: created + random.between(0, list_lag),
            trains: random.between(2 * MINUTE, 8 * MINUTE),
            fails: random.chance(150),
            is_sick: random.chance(200),
            cancelled: None,
            was_asked: false,
            counted_at: None,
            unasked_sweeps: 0,
        }
    }

    /// How far it is at `now`.
    pub(crate) fn stage(&self, now: i64) -> JobStage {
        let age = now - self.created;
        let epoch = |age: i64| {
            let done = (age - PENDING) * i64::from(EPOCHS) / self.trains;
            u32::try_from(done).unwrap_or(0).min(EPOCHS - 1)
        };
        match self.cancelled {
            Some(at) if now >= at => match at - self.created {
                age if age < PENDING => JobStage::Withdrawn,
                age => JobStage::Cancelled(epoch(age)),
            },
            _ if age < PENDING => JobStage::Pending,
            _ if age < PENDING + self.trains => JobStage::Running(epoch(age)),
            _ if self.fails => JobStage::Failed,
            _ => JobStage::Succeeded,
        }
    }

    pub(crate) fn is_open(&self, now: i64) -> bool {
        !self.stage(now).is_final()
    }

    pub(crate) fn is_listed(&self, now: i64) -> bool {
        self.listed <= now
    }

    /// Accepts a request to stop, which takes effect at `at`, unless it ends before.
    pub(crate) fn cancel(&mut self, now: i64, at: i64) {
        if self.is_open(now)
            && self.cancelled.is_none()
            && at < self.created + PENDING + self.trains
        {
            self.cancelled = Some(at);
        }
    }

    pub(crate) fn key(&self, number: usize, now: i64) -> JobKey {
        JobKey {
            number,
            run: self.run,
            region: self.region,
            attempt: self.attempt,
            stage: self.stage(now),
        }
    }

    /// What it may cost at most.
    pub(crate) fn most(&self) -> Usd {
        self.price(EPOCHS)
    }

    /// What the service bills at `now`: the epoch under way counts as whole.
    pub(crate) fn cost(&self, now: i64) -> Usd {
        match self.stage(now) {
            JobStage::Pending | JobStage::Withdrawn => Usd::ZERO,
            JobStage::Succeeded => self.most(),
            stage @ (JobStage::Running(_) | JobStage::Failed | JobStage::Cancelled(_)) => {
                self.price(stage.epochs().unwrap_or(0) + 1)
            }
        }
    }

    fn price(&self, epochs: u32) -> Usd {
        let planned = &PLANNED[self.run];
        let tokens = planned.tokens * u64::from(epochs);
        let model = &planned.runs[self.region].plan.base_model;
        let usd = prices().training_usd(model, tokens);
        usd.and_then(Usd::rounded_up).unwrap()
    }
}
