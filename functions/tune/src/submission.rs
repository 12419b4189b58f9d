//! A delivery of `run-approved` as data: each step says what to do next, and each answer leads to the
//! next step. Nothing here reads a clock, a document or a service, so the simulation drives the very
//! code that buys jobs.
//!
//! The order of the steps is the protocol of [`crate::submit`]: reserve the upper price, write the
//! intent, call create, record. So a later delivery can see that a job may exist although the answer of
//! the call, or this process, was lost, and no two runs pass a cap together.

mod buying;
mod ending;
mod recording;
mod step;

use std::{mem, sync::Arc};

use shared::{
    dataset::Version,
    error::{Ack, Error},
    google::vertex::TuningJob,
    run::{Run, State},
    spend::Reservation,
};

pub use self::step::{BuyAnswer, BuyClock, BuyReport, BuyRules, BuyStep, JobFiles};
use self::{buying::Intent, ending::Then, recording::Recorded};
use crate::submit::{self, NextStep};

/// What the next answer is an answer to.
#[derive(Debug)]
enum Pending {
    /// The jobs of an earlier call.
    Jobs,
    /// A request to stop a surplus job; those in `surplus` follow, then `oldest` is recorded.
    SurplusCancel {
        oldest: Box<TuningJob>,
        surplus: Vec<String>,
    },
    /// The other open runs.
    OpenRuns,
    /// The dataset version.
    Version,
    /// The policy, for what is in the version.
    Policy(Arc<Version>),
    /// The reservation for the run with the price and the policy of now.
    Reservation { examined: Box<Run>, files: JobFiles },
    /// The write of the intent, made since then.
    Intent(Intent),
    /// The run with the intent.
    IntentRead(Intent),
    /// The job.
    Job(JobFiles),
    /// The entry of the ledger.
    LedgerEntry(Box<TuningJob>),
    /// The write of the run with its job.
    RunningRun(Recorded),
    /// The report of a call that made no job.
    CallReport(Then),
    /// The write of the run without its intent.
    DisarmedRun {
        reservation: Option<Reservation>,
        then: Then,
    },
    /// The release of the reservation.
    Release(Then),
    /// The run without its intent, or a report that comes before the run is written.
    DisarmedRead(Then),
    /// The report of a submission, which is published next.
    SubmittedReport(Ack),
    /// The write of a run that asks a person again.
    AskingRun { release: Option<BuyStep>, ack: Ack },
    /// The release of the reservation of a run that asks a person again.
    AskingRelease(Ack),
    /// The last step.
    Last(Ack),
    /// The end was given.
    Over,
}

/// A delivery of `run-approved` under way.
#[derive(Debug)]
pub struct Submission {
    rules: BuyRules,
    owner: String,
    /// As it was read last.
    run: Box<Run>,
    pending: Pending,
}

impl Submission {
    /// Starts with `run` as it was read; `owner` distinguishes this delivery from every other.
    pub fn begin(run: Run, rules: BuyRules, owner: String, at: BuyClock) -> (Self, BuyStep) {
        let mut submission = Self {
            rules,
            owner,
            run: Box::new(run),
            pending: Pending::Over,
        };
        let first = submission.first(at);
        (submission, first)
    }

    /// The step that follows from the answer to the step before.
    pub fn next(&mut self, answer: BuyAnswer, at: BuyClock) -> BuyStep {
        match (mem::replace(&mut self.pending, Pending::Over), answer) {
            (Pending::Jobs, BuyAnswer::Jobs(listed)) => self.listed(listed, at),
            (Pending::SurplusCancel { oldest, surplus }, BuyAnswer::Done) => {
                self.cancel_surplus(oldest, surplus, at)
            }
            (Pending::OpenRuns, BuyAnswer::OpenRuns(queue)) => {
                if queue.is_turn_of(&self.run, self.rules.jobs_max) {
                    self.examine()
                } else {
                    self.wait_for_turn(at)
                }
            }
            (Pending::Version, BuyAnswer::Version(version)) => self.found_version(version, at),
            (Pending::Policy(version), BuyAnswer::Policy(policy)) => {
                self.found_policy(&version, policy, at)
            }
            (Pending::Reservation { examined, files }, BuyAnswer::Reserved(reserved)) => {
                self.reserved(*examined, files, reserved, at)
            }
            (Pending::Intent(intent), BuyAnswer::Done) => {
                self.ask(BuyStep::Reread, Pending::IntentRead(intent))
            }
            (Pending::IntentRead(intent), BuyAnswer::Run(run)) => self.armed(intent, run, at),
            (Pending::Job(files), BuyAnswer::Created(created)) => self.called(&files, created, at),
            (Pending::LedgerEntry(job), BuyAnswer::Done) => self.record_created(&job, at),
            (Pending::RunningRun(recorded), BuyAnswer::Done) => self.report_recorded(recorded),
            (Pending::SubmittedReport(ack), BuyAnswer::Done) => self.publish(ack),
            (Pending::CallReport(then), BuyAnswer::Done) => self.disarm(then, at),
            (Pending::DisarmedRun { reservation, then }, BuyAnswer::Done) => {
                self.release(reservation, then)
            }
            (Pending::Release(then), BuyAnswer::Done) => {
                self.ask(BuyStep::Reread, Pending::DisarmedRead(then))
            }
            (Pending::DisarmedRead(then), BuyAnswer::Run(run)) => self.disarmed(run, then, at),
            (Pending::AskingRun { release, ack }, BuyAnswer::Done) => match release {
                Some(release) => self.ask(release, Pending::AskingRelease(ack)),
                None => self.ask(BuyStep::PublishAwaits, Pending::Last(ack)),
            },
            (Pending::AskingRelease(ack), BuyAnswer::Done) => {
                self.ask(BuyStep::PublishAwaits, Pending::Last(ack))
            }
            (Pending::Last(ack), BuyAnswer::Done) => BuyStep::End(Ok(ack)),
            (pending, answer) => BuyStep::End(Err(Error::Internal {
                what: "an answer to another step of a submission",
                source: format!("{answer:?} instead of {pending:?}").into(),
            })),
        }
    }

    fn first(&mut self, at: BuyClock) -> BuyStep {
        match submit::next(&self.run, self.rules.settle, at.now) {
            NextStep::Nothing => {
                let (id, current) = (&self.run.id, self.run.state);
                let ack = Ack::done("done_before", format!("run {id} is {}", current.as_str()));
                match current {
                    State::Running => self.publish(ack),
                    // It was asked about again, by a delivery that may have ended before it published that.
                    State::AwaitingApproval => self.ask(BuyStep::PublishAwaits, Pending::Last(ack)),
                    State::Queued
                    | State::Stopping
                    | State::Succeeded
                    | State::Failed
                    | State::Cancelled => BuyStep::End(Ok(ack)),
                }
            }
            NextStep::Settle { until } => busy(format!(
                "an earlier call may still create a job for run {}, until {until}",
                self.run.id
            )),
            NextStep::Adopt => self.ask(BuyStep::ListJobs, Pending::Jobs),
            NextStep::Create => self.ask(BuyStep::ReadOpenRuns, Pending::OpenRuns),
        }
    }

    fn ask(&mut self, step: BuyStep, pending: Pending) -> BuyStep {
        self.pending = pending;
        step
    }
}

fn busy(why: String) -> BuyStep {
    BuyStep::End(Err(Error::Busy(why.into())))
}

#[cfg(test)]
mod tests;
