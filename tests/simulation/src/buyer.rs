//! A process of `tune` that has a delivery of `run-approved`: performs the steps of the real submission.

use std::sync::Arc;

use shared::{
    error::{Ack, Error},
    google::vertex::JobList,
    outcome::{CallError, ErrorAnswer, Idempotency, RpcCode},
    run::{Run, State},
    spend::{Reservation, SpendMonth, month_of},
};
use tune::{
    queue::RunQueue,
    submission::{BuyAnswer, BuyRules, BuyStep, Submission},
};

use crate::{
    fixtures::{PLANNED, REGIONS, job_number},
    invariants::{self, MonthTotals},
    profile::{RemovedGuard, SECOND},
    world::{CallFailed, Happening, Interruption, Kept, SimulatedProcess, SimulatedWorld},
};

/// The time limit of a create call.
const CREATE_TIMEOUT: i64 = 30 * SECOND;
/// The settle time at its least: `functions/tune/src/config.rs` refuses a shorter one.
const SETTLE_S: u64 = 114;

/// A delivery under way.
#[derive(Debug)]
pub(crate) struct Buyer {
    run: usize,
    skew: i64,
    /// The revision of the run as it was read last.
    revision: u64,
    region: usize,
    submission: Submission,
    /// `None` only while it goes on.
    next: Option<Next>,
}

#[derive(Debug)]
enum Next {
    /// To be performed.
    Step(BuyStep),
    /// To be given to the submission.
    Answer(BuyAnswer),
}

/// The settings of `tune`, with the shortest times that it accepts.
fn rules(world: &SimulatedWorld) -> BuyRules {
    let settle_s = match world.removed {
        Some(RemovedGuard::Settle) => 0,
        _ => SETTLE_S,
    };
    let config = tune::Config {
        jobs_max: world.jobs_max,
        create_timeout: std::time::Duration::from_millis(CREATE_TIMEOUT.unsigned_abs()),
        settle: std::time::Duration::from_secs(settle_s),
        policy: "gs://p/policy.toml".parse().unwrap(),
    };
    BuyRules::of(&config, chrono::TimeDelta::milliseconds(CREATE_TIMEOUT))
}

impl Buyer {
    /// Begins with a delivery for `run`.
    pub(crate) fn deliver(world: &mut SimulatedWorld, run: usize) {
        let Some(read) = world.run(run) else {
            return;
        };
        let skew = world.skew();
        let owner = format!("{:x}", world.random.below(u64::MAX));
        let clock = world.buy_clock(skew);
        let region = REGIONS
            .iter()
            .position(|region| *region == read.value.plan.region);
        let (submission, first) =
            Submission::begin((*read.value).clone(), rules(world), owner, clock);
        let buyer = Box::new(Self {
            run,
            skew,
            revision: read.revision,
            region: region.unwrap_or_default(),
            submission,
            next: Some(Next::Step(first)),
        });
        buyer.go_on(world);
    }

    /// A process may stand still anywhere. Between the check of the intent and the sending of the call, only
    /// as long as the profile says: no check can prevent that.
    fn pause_before(step: &BuyStep, world: &mut SimulatedWorld) -> Interruption {
        match (step, world.interruption()) {
            (BuyStep::Create(_), Interruption::Pause(_)) => {
                let most = world.rates.sending;
                Interruption::Pause(world.random.between(0, most))
            }
            (_, interruption) => interruption,
        }
    }

    fn sleep(self: Box<Self>, world: &mut SimulatedWorld, pause: i64) {
        let run = self.run;
        world.note(|_| format!("tune: run {run} stands still for {pause} ms"));
        world.schedule(world.now + pause, Happening::Resumes(self));
    }

    fn crash(self: Box<Self>, world: &mut SimulatedWorld) {
        let run = self.run;
        world.note(|_| format!("tune: crashes with run {run}"));
        world.redeliver(Happening::Approved, run);
    }

    fn end(self: Box<Self>, world: &mut SimulatedWorld, end: &Result<Ack, Error>) {
        let run = self.run;
        world.note(|_| match end {
            Ok(ack) => format!("tune: acknowledges: {}", ack.note()),
            Err(error) => format!("tune: run {run} comes again: {error}"),
        });
        if end.is_err() {
            world.redeliver(Happening::Approved, run);
        }
    }

    /// Performs a step; gives the answer, and after how long it comes.
    fn perform(
        &mut self,
        world: &mut SimulatedWorld,
        step: BuyStep,
    ) -> Result<(BuyAnswer, i64), CallFailed> {
        let run = self.run;
        let answer = match step {
            BuyStep::Create(_) => return Ok(self.create(world)),
            BuyStep::ListJobs => BuyAnswer::Jobs(self.list(world)?),
            BuyStep::CancelSurplus(job) => {
                world.cancel(job_number(&job), "tune")?;
                BuyAnswer::Done
            }
            BuyStep::ReadOpenRuns => {
                world.fails()?;
                BuyAnswer::OpenRuns(open_runs(world))
            }
            BuyStep::ReadVersion(_) => {
                world.fails()?;
                BuyAnswer::Version(Some(Arc::clone(&PLANNED[run].version)))
            }
            BuyStep::ReadPolicy => BuyAnswer::Policy(match world.fails() {
                Ok(()) => Ok(Arc::clone(&world.policy)),
                Err(CallFailed) => Err("it cannot be read".to_owned()),
            }),
            BuyStep::Reserve { key, usd, caps } => {
                world.fails()?;
                let now = world.clock(self.skew);
                let month = month_of(now);
                let before = MonthTotals::of(world.month(&month));
                let reserve = |month: &mut SpendMonth| month.reserve(&key, usd, caps, now);
                let reserved = if world.removed == Some(RemovedGuard::Reservation) {
                    reserve(&mut world.month(&month).clone())
                } else {
                    reserve(world.month(&month))
                };
                world.note(|_| format!("tune: reserves {usd} for {key}: {reserved:?}"));
                invariants::after_reservation(world, &month, before, caps);
                world.answered()?;
                let reserved = reserved.map(|revision| Reservation { month, revision });
                BuyAnswer::Reserved(reserved)
            }
            BuyStep::Write(after) => {
                world.fails()?;
                if !world.write_run(run, self.revision, *after, "tune") {
                    return Err(CallFailed);
                }
                world.answered()?;
                BuyAnswer::Done
            }
            BuyStep::Reread => {
                world.fails()?;
                let Kept { value, revision } = world.run(run).ok_or(CallFailed)?;
                self.revision = revision;
                BuyAnswer::Run(Box::new((*value).clone()))
            }
            BuyStep::EnterInLedger(entry) => {
                let number = job_number(entry.name.as_str());
                if world.fails().is_ok() {
                    world.enter(number, *entry);
                }
                BuyAnswer::Done
            }
            BuyStep::Release { key, reservation } => {
                world.fails()?;
                let month = world.month(&reservation.month);
                let was_released = month.release(&key, reservation.revision);
                world.note(|_| format!("tune: releases {key}: {was_released}"));
                invariants::after_release(world, &key);
                world.answered()?;
                BuyAnswer::Done
            }
            // A consumer of it is not simulated, and lines are read by people.
            BuyStep::PublishSubmitted
            | BuyStep::PublishAwaits
            | BuyStep::Report(_)
            | BuyStep::End(_) => BuyAnswer::Done,
        };
        Ok((answer, 0))
    }

    fn list(&self, world: &mut SimulatedWorld) -> Result<JobList, CallFailed> {
        world.fails()?;
        if world.removed == Some(RemovedGuard::Adopt) {
            return Ok(JobList {
                jobs: Vec::new(),
                complete: true,
            });
        }
        let (numbers, complete) = world.list(self.region)?;
        let numbers = numbers.into_iter();
        let own = numbers.filter(|number| world.jobs[*number].run == self.run);
        let jobs: Vec<_> = own.map(|number| (*world.answer(number)).clone()).collect();
        let (run, count) = (self.run, jobs.len());
        world.note(|_| format!("tune: lists {count} jobs of run {run}, complete: {complete}"));
        Ok(JobList { jobs, complete })
    }

    /// Calls create: with an answer, without one, or refused.
    fn create(&self, world: &mut SimulatedWorld) -> (BuyAnswer, i64) {
        let run = self.run;
        let attempt = world.runs[run].as_ref().map_or(1, |run| run.value.attempt);
        if world.random.chance(world.rates.refused_create) {
            let error = refusal(world);
            world.note(|_| format!("vertex: refuses the job of run {run}: {error}"));
            return (BuyAnswer::Created(Err(error)), SECOND);
        }
        if !world.random.chance(world.rates.unanswered_create) {
            let number = world.create((run, attempt, self.region));
            let job = Box::new((*world.answer(number)).clone());
            let answered = world.random.between(100, 5 * SECOND);
            return (BuyAnswer::Created(Ok(job)), answered);
        }
        let late = world.rates.late_arrival;
        let arrives = match world.random.below(4) {
            0 => None,
            1 => Some(world.random.between(0, CREATE_TIMEOUT)),
            _ => Some(CREATE_TIMEOUT + world.random.between(0, late)),
        };
        world.note(|_| {
            format!("vertex: does not answer; the job of run {run} comes in {arrives:?} ms")
        });
        if let Some(arrives) = arrives {
            let happening = Happening::Arrives(run, attempt, self.region);
            world.schedule(world.now + arrives, happening);
        }
        let lost = CallError::not_answered("time-out", Idempotency::NotIdempotent);
        (BuyAnswer::Created(Err(lost)), CREATE_TIMEOUT)
    }
}

impl SimulatedProcess for Buyer {
    fn go_on(mut self: Box<Self>, world: &mut SimulatedWorld) {
        loop {
            let step = match self.next.take() {
                None => return,
                Some(Next::Answer(answer)) => {
                    let step = self.submission.next(answer, world.buy_clock(self.skew));
                    let pause = Self::pause_before(&step, world);
                    self.next = Some(Next::Step(step));
                    match pause {
                        Interruption::None => continue,
                        Interruption::Crash => return self.crash(world),
                        Interruption::Pause(pause) => return self.sleep(world, pause),
                    }
                }
                Some(Next::Step(step)) => step,
            };
            if let BuyStep::End(end) = step {
                return self.end(world, &end);
            }
            let Ok((answer, after)) = self.perform(world, step) else {
                return world.redeliver(Happening::Approved, self.run);
            };
            self.next = Some(Next::Answer(answer));
            match world.interruption() {
                Interruption::Crash => return self.crash(world),
                Interruption::Pause(pause) => return self.sleep(world, after + pause),
                Interruption::None if after > 0 => return self.sleep(world, after),
                Interruption::None => {}
            }
        }
    }
}

/// A definite no, of any kind.
fn refusal(world: &mut SimulatedWorld) -> CallError {
    let code = match world.random.below(6) {
        0 => return CallError::not_sent("no route"),
        1 => RpcCode::InvalidArgument,
        2 => RpcCode::PermissionDenied,
        3 => RpcCode::NotFound,
        4 => RpcCode::FailedPrecondition,
        _ => RpcCode::ResourceExhausted,
    };
    let answer = ErrorAnswer {
        code: Some(code),
        message: "no".to_owned(),
        ..ErrorAnswer::default()
    };
    CallError::of(answer, Idempotency::NotIdempotent)
}

fn open_runs(world: &SimulatedWorld) -> RunQueue {
    let live = world.runs_in(&[State::Running, State::Stopping]).len();
    let queued = if live < world.jobs_max {
        let queued = world.runs_in(&[State::Queued]).into_iter();
        queued.map(|(_, run)| Run::clone(&run.value)).collect()
    } else {
        Vec::new()
    };
    RunQueue { live, queued }
}
