//! A process of `early-stop` that has a delivery of `run-unhealthy`.

use early_stop::decide::{StopDecision, decide};
use shared::run::{Run, State, Stop};

use crate::{
    fixtures::{LOSSES, job_number},
    profile::SECOND,
    stage::JobStage,
    world::{CallFailed, Happening, Interruption, Kept, SimulatedProcess, SimulatedWorld},
};

/// A delivery under way.
#[derive(Debug)]
pub(crate) struct EarlyStopper {
    index: usize,
    skew: i64,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// Read the run.
    Read,
    /// Read job and losses of the run, and decide.
    Decide(Kept<Run>),
    /// Record the decision.
    Record(u64, Box<Run>),
    /// Ask the job to stop.
    Cancel(usize),
}

impl EarlyStopper {
    /// Begins with a delivery for a run.
    pub(crate) fn deliver(world: &mut SimulatedWorld, index: usize) {
        let skew = world.skew();
        let next = Next::Read;
        Box::new(Self { index, skew, next }).go_on(world);
    }

    /// Does the next step; `None` where the delivery is done.
    fn step(&self, world: &mut SimulatedWorld) -> Result<Option<Next>, CallFailed> {
        match &self.next {
            Next::Read => {
                world.fails()?;
                let run = world.run(self.index);
                let live = run.filter(|run| run.value.state == State::Running);
                Ok(live.map(Next::Decide))
            }
            Next::Decide(read) => self.decide(world, read),
            Next::Record(revision, stopping) => {
                world.fails()?;
                let number = stopping.job.as_ref().map(|job| job_number(&job.name));
                let stopping = (**stopping).clone();
                if !world.write_run(self.index, *revision, stopping, "early-stop") {
                    return Err(CallFailed);
                }
                world.answered()?;
                Ok(number.map(Next::Cancel))
            }
            Next::Cancel(number) => {
                // Where it fails, the ledger of `watch` asks again.
                let _accepted = world.cancel(*number, "early-stop");
                Ok(None)
            }
        }
    }

    fn decide(
        &self,
        world: &mut SimulatedWorld,
        read: &Kept<Run>,
    ) -> Result<Option<Next>, CallFailed> {
        let run = &read.value;
        let Some(known) = &run.job else {
            return Ok(None);
        };
        let number = job_number(&known.name);
        // A 404 comes again.
        let job = world.get(number)?.ok_or(CallFailed)?;
        if job.is_final() {
            return Ok(None);
        }
        if world.random.chance(world.rates.unread_curve) {
            return Err(CallFailed);
        }
        let is_sick = world.jobs[number].is_sick;
        let losses = if is_sick {
            &LOSSES.lost
        } else {
            &LOSSES.healthy
        };
        let is_counted = world.jobs[number].stage(world.now) != JobStage::Pending;
        let curve = is_counted.then_some(&losses.curve);
        let now = world.clock(self.skew);
        let known = job.record(Some(known), now);
        let StopDecision::Stop { finding, keep } = decide(run, &known, curve, now) else {
            return Ok(None);
        };
        let mut stopping = (**run).clone();
        stopping.chosen = keep;
        stopping.stop = Some(Stop {
            finding: finding.code,
            evidence: Some(finding),
            called_by: "watch".to_owned(),
            at: now,
        });
        let entered = stopping.enter(State::Stopping, "early-stop", "stopped", now);
        Ok(entered.then(|| Next::Record(read.revision, Box::new(stopping))))
    }
}

impl SimulatedProcess for EarlyStopper {
    fn go_on(mut self: Box<Self>, world: &mut SimulatedWorld) {
        loop {
            match self.step(world) {
                Ok(None) => return,
                Ok(Some(next)) => self.next = next,
                Err(CallFailed) => return world.redeliver(Happening::Unhealthy, self.index),
            }
            match world.interruption() {
                Interruption::Crash => {
                    return world.redeliver(Happening::Unhealthy, self.index);
                }
                Interruption::Pause(pause) => {
                    let at = world.now + pause.max(SECOND / 10);
                    return world.schedule(at, Happening::Resumes(self));
                }
                Interruption::None => {}
            }
        }
    }
}
