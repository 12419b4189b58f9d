//! The steps that give a run its job: adopt that of an earlier call, or record the one that was created.

use shared::{
    error::Ack,
    google::vertex::{JobList, TuningJob},
    run::State,
    waits::WaitCode,
};

use super::{BuyClock, BuyReport, BuyStep, Pending, Submission, busy, ending::Then};
use crate::submit;

/// A run whose job is being recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    job: String,
    how: &'static str,
    ack: Ack,
}

impl Submission {
    /// Looks for the job of an earlier call: one with the labels of the run and of its attempt. The oldest
    /// is adopted; surplus ones are cancelled, because each costs money until it ends.
    pub(super) fn listed(&mut self, listed: JobList, at: BuyClock) -> BuyStep {
        let attempt = self.run.attempt;
        let jobs = listed.jobs.into_iter();
        let mut jobs = jobs.filter(|job| job.attempt() == attempt);
        if let Some(oldest) = jobs.next() {
            let surplus = jobs.filter(|job| !job.is_final());
            let mut surplus: Vec<String> = surplus.map(|job| job.name).collect();
            // The next one is taken from the end.
            surplus.reverse();
            return self.cancel_surplus(Box::new(oldest), surplus, at);
        }
        if !listed.complete {
            // Not a proof that there is none, and only a proof allows another create.
            return busy("the list of jobs could not be read to its end".to_owned());
        }
        if submit::gives_up_for_now(&self.run) {
            self.step_aside()
        } else {
            self.examine()
        }
    }

    pub(super) fn cancel_surplus(
        &mut self,
        oldest: Box<TuningJob>,
        mut surplus: Vec<String>,
        at: BuyClock,
    ) -> BuyStep {
        match surplus.pop() {
            Some(job) => {
                let pending = Pending::SurplusCancel { oldest, surplus };
                self.ask(BuyStep::CancelSurplus(job), pending)
            }
            None => {
                let how = "adopted the job of an earlier call";
                let ack = Ack::done("adopted", format!("run {} {how}", self.run.id));
                self.record(&oldest, how, ack, at)
            }
        }
    }

    pub(super) fn record_created(&mut self, job: &TuningJob, at: BuyClock) -> BuyStep {
        let ack = format!("submitted the job of run {}", self.run.id);
        let ack = Ack::done("submitted", ack);
        self.record(job, "submitted its job", ack, at)
    }

    fn record(&mut self, job: &TuningJob, how: &'static str, ack: Ack, at: BuyClock) -> BuyStep {
        let mut running = self.run.clone();
        running.armed = None;
        running.waits = None;
        running.unknown_creates = 0;
        running.job = Some(job.record(None, at.now));
        if !running.enter(State::Running, "tune", how, at.now) {
            return self.publish(ack);
        }
        let job = job.name.clone();
        let recorded = Recorded { job, how, ack };
        self.ask(BuyStep::Write(running), Pending::RunningRun(recorded))
    }

    pub(super) fn report_recorded(&mut self, recorded: Recorded) -> BuyStep {
        let Recorded { job, how, ack } = recorded;
        let submitted = BuyReport::Submitted { job, how };
        self.ask(BuyStep::Report(submitted), Pending::SubmittedReport(ack))
    }

    pub(super) fn publish(&mut self, ack: Ack) -> BuyStep {
        self.ask(BuyStep::PublishSubmitted, Pending::Last(ack))
    }

    /// Lets others pass a run whose calls have all ended without an answer.
    fn step_aside(&mut self) -> BuyStep {
        let calls = self.run.unknown_creates;
        let reason =
            format!("waits for Vertex AI: {calls} calls in a row had no answer, and made no job");
        let then = Then::wait(WaitCode::Service, reason);
        let report = BuyStep::Report(BuyReport::NoAnswer(calls));
        self.ask(report, Pending::CallReport(then))
    }
}
