//! The runs: read the job of each live one, follow the end of each that has ended.

use chrono::TimeDelta;
use shared::{
    curve::CurveState,
    health::HealthLimits,
    job_ledger::MISSING_TICKS,
    run::{Run, State},
};
use watch::{
    attempts,
    poll::{self, PolledCurve},
};

use super::{WatchWork, Watcher, sweeping::number_of};
use crate::{
    fixtures::LOSSES,
    stage::JobStage,
    world::{CallFailed, Happening, Kept, SimulatedWorld},
};

/// Polls that must show the same before `run-unhealthy` is published.
const POLLS: u32 = 2;
/// The limits of health, as `watch` has them by default.
const LIMITS: HealthLimits = HealthLimits {
    stall: TimeDelta::hours(1),
    no_metrics: TimeDelta::minutes(30),
    over_time: TimeDelta::days(1),
};

impl Watcher {
    pub(super) fn poll(
        &mut self,
        world: &mut SimulatedWorld,
        index: usize,
        read: &Kept<Run>,
    ) -> Result<(), CallFailed> {
        let number = number_of(&read.value).ok_or(CallFailed)?;
        let job = match world.get(number)? {
            // A stray 404: the list has it.
            None if self.lists_have(number) => Some(world.answer(number)),
            job => job,
        };
        let now = world.clock(self.skew);
        let after = match job {
            Some(job) => poll::apply(&read.value, &job, losses(world, number), LIMITS, now),
            None => {
                let mut after = (*read.value).clone();
                if self.lists_lack(world, number) {
                    after.job_missing_ticks += 1;
                }
                if after.job_missing_ticks >= MISSING_TICKS {
                    let _entered = after.enter(State::Failed, "watch", "job missing", now);
                }
                after
            }
        };
        self.work.push_front(WatchWork::Polled {
            index,
            revision: read.revision,
            after: Box::new(after),
        });
        Ok(())
    }

    pub(super) fn polled(
        &mut self,
        world: &mut SimulatedWorld,
        index: usize,
        revision: u64,
        after: Run,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let is_final = after.state.is_final();
        let is_read = after.curve.as_ref();
        let is_read = is_read.is_some_and(|reading| reading.state == CurveState::Fresh);
        let is_unhealthy = after.finding_polls >= POLLS && after.stop.is_none() && is_read;
        if !world.write_run(index, revision, after, "watch") {
            return Ok(());
        }
        world.answered()?;
        if is_final {
            if let Some(ended) = world.run(index) {
                self.work.push_front(WatchWork::Finish(index, ended));
            }
        } else if is_unhealthy {
            world.publish(Happening::Unhealthy, index);
        }
        Ok(())
    }

    /// Tries a run again where the service itself failed, else publishes its end.
    pub(super) fn finish(
        &mut self,
        world: &mut SimulatedWorld,
        index: usize,
        read: &Kept<Run>,
    ) -> Result<(), CallFailed> {
        world.fails()?;
        let now = world.clock(self.skew);
        if let Some(why) = attempts::tried_again(&read.value) {
            let mut again = (*read.value).clone();
            if again.retry("watch", &why, now) {
                let written = world.write_run(index, read.revision, again, "watch");
                world.answered()?;
                if written {
                    world.publish(Happening::Approved, index);
                }
                return Ok(());
            }
        }
        world.published_ends.insert((index, read.value.attempt));
        world.answered()?;
        let mut published = (*read.value).clone();
        published.finish_published = true;
        let _next_tick_if_lost = world.write_run(index, read.revision, published, "watch");
        Ok(())
    }
}

/// What can be read of the losses of a job.
fn losses(world: &mut SimulatedWorld, number: usize) -> &'static PolledCurve {
    let is_unread = world.random.chance(world.rates.unread_curve);
    let job = &world.jobs[number];
    let stage = job.stage(world.now);
    if matches!(stage, JobStage::Pending | JobStage::Withdrawn) {
        &LOSSES.none
    } else if is_unread {
        &LOSSES.unread
    } else if job.is_sick {
        &LOSSES.lost
    } else {
        &LOSSES.healthy
    }
}
