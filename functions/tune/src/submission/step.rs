//! The steps of a submission, and the answers to them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    dataset::Version,
    error::{Ack, Error},
    google::vertex::{JobList, NewJob, TuningJob},
    id::VersionId,
    job_ledger::JobEntry,
    outcome::CallError,
    policy::StoredPolicy,
    run::Run,
    spend::{Caps, OverCap, Reservation, Usd},
    uri::GcsUri,
};

use crate::{
    config::{Config, arming_max},
    queue::RunQueue,
};

/// What a submission wants done. Where a step cannot be done, or a write loses a race, the delivery ends
/// there and comes again; only the answers below go on.
#[derive(Debug)]
pub enum BuyStep {
    /// List the jobs of the run, of any attempt, in the region of its plan: [`BuyAnswer::Jobs`].
    ListJobs,
    /// Ask a surplus job to stop: [`BuyAnswer::Done`].
    CancelSurplus(String),
    /// Read the other open runs: [`BuyAnswer::OpenRuns`].
    ReadOpenRuns,
    /// Read the dataset version: [`BuyAnswer::Version`].
    ReadVersion(VersionId),
    /// Read the policy: [`BuyAnswer::Policy`].
    ReadPolicy,
    /// Reserve money for an attempt: [`BuyAnswer::Reserved`].
    Reserve {
        /// The key of the attempt.
        key: String,
        /// How much.
        usd: Usd,
        /// The caps that it must stay below.
        caps: Caps,
    },
    /// Write the run over what was read last: [`BuyAnswer::Done`].
    Write(Box<Run>),
    /// Read the run that was written: [`BuyAnswer::Run`].
    Reread,
    /// Call create, once, for the run as it was read last: [`BuyAnswer::Created`].
    Create(JobFiles),
    /// Write the job's entry of the ledger: [`BuyAnswer::Done`], also where that fails, since `watch`
    /// makes one itself.
    EnterInLedger(Box<JobEntry>),
    /// Release a reservation: [`BuyAnswer::Done`].
    Release {
        /// The key of the attempt.
        key: String,
        /// Which reservation: a later one stays.
        reservation: Reservation,
    },
    /// Publish that the run has its job: [`BuyAnswer::Done`].
    PublishSubmitted,
    /// Publish that the run waits for a person: [`BuyAnswer::Done`].
    PublishAwaits,
    /// Log a line: [`BuyAnswer::Done`].
    Report(BuyReport),
    /// The end of the delivery.
    End(Result<Ack, Error>),
}

/// What an operator should see in the log.
#[derive(Debug)]
pub enum BuyReport {
    /// A person must provide what is missing.
    Needs {
        /// What is missing.
        missing: String,
        /// The answer of the service.
        answer: String,
    },
    /// So many calls in a row had no answer, and made no job.
    NoAnswer(u32),
    /// The run has its job.
    Submitted {
        /// The name of the job.
        job: String,
        /// How that came about.
        how: &'static str,
    },
    /// The service gave a job a name of another form.
    UnreadableJob(String),
}

/// What came of a step.
#[derive(Debug)]
pub enum BuyAnswer {
    /// It is done.
    Done,
    /// The jobs of the run.
    Jobs(JobList),
    /// The open runs.
    OpenRuns(RunQueue),
    /// The version, if it exists.
    Version(Option<Arc<Version>>),
    /// The policy; or why there is none.
    Policy(Result<Arc<StoredPolicy>, String>),
    /// The reservation; or the cap that forbids it.
    Reserved(Result<Reservation, OverCap>),
    /// The run as it is now.
    Run(Box<Run>),
    /// The job; or how the call failed.
    Created(Result<Box<TuningJob>, CallError>),
}

/// The time of an answer, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct BuyClock {
    /// The time that documents hold.
    pub now: DateTime<Utc>,
    /// The time that no one can set, of this process alone.
    pub instant: Instant,
}

/// The settings that a submission depends on.
#[derive(Debug, Clone, Copy)]
pub struct BuyRules {
    /// Jobs that may run at a time.
    pub jobs_max: usize,
    /// Longest from the written intent to the call, by the process's own clock.
    pub arming_max: Duration,
    /// From the written intent to its deadline, at which the call has been given up.
    pub create_within: TimeDelta,
    /// From the deadline until a list without the job proves that there is none.
    pub settle: Duration,
}

impl BuyRules {
    /// By the settings of the function; `create_within` is how much time of documents passes during the
    /// time limit of the call.
    pub fn of(config: &Config, create_within: TimeDelta) -> Self {
        Self {
            jobs_max: config.jobs_max,
            arming_max: arming_max(config.create_timeout),
            create_within,
            settle: config.settle,
        }
    }
}

/// The objects that a job reads.
#[derive(Debug, Clone)]
pub struct JobFiles {
    /// The rows to train on.
    pub train: GcsUri,
    /// The rows to measure the evaluation loss on.
    pub validation: Option<GcsUri>,
}

impl JobFiles {
    /// The files of `version`; `None` where it has no training rows.
    pub(super) fn of(version: &Version) -> Option<Self> {
        let train = version.parts.get("train")?;
        let validation = version.parts.get("validation");
        let validation = validation.filter(|part| part.rows > 0);
        Some(Self {
            train: train.artifact.uri.clone(),
            validation: validation.map(|part| part.artifact.uri.clone()),
        })
    }

    /// The job of `run` that reads them.
    pub fn job<'a>(&'a self, run: &'a Run) -> NewJob<'a> {
        NewJob {
            run: &run.id,
            attempt: run.attempt,
            plan: &run.plan,
            train: &self.train,
            validation: self.validation.as_ref(),
        }
    }
}
