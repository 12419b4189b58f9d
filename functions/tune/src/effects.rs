//! Does what a submission says, step by step.

use std::{sync::Arc, time::Instant};

use shared::{
    dataset::Version,
    error::{Ack, Chain, Error},
    event::{RunAwaitsApproval, RunSubmitted},
    google::{documents::Stored, run_queue::QueueReader, vertex},
    id::RunId,
    run::{Run, State as RunState},
};
use tracing::{error, info, warn};

use crate::{
    State,
    queue::RunQueue,
    submission::{BuyAnswer, BuyClock, BuyReport, BuyRules, BuyStep, JobFiles, Submission},
};

/// Submits `run`, as far as a delivery can now.
pub(crate) async fn submit(state: &State, run: Stored<Run>) -> Result<Ack, Error> {
    let create_within = state.clock.passing(state.config.create_timeout);
    let rules = BuyRules::of(&state.config, create_within);
    let owner = format!("{:032x}", rand::random::<u128>());
    let first = Submission::begin(run.value.clone(), rules, owner, clock(state));
    let (mut submission, mut step) = first;
    let mut buyer = Buyer { state, run };
    loop {
        if let BuyStep::End(end) = step {
            return end;
        }
        let answer = Box::pin(buyer.perform(step)).await?;
        step = submission.next(answer, clock(state));
    }
}

fn clock(state: &State) -> BuyClock {
    BuyClock {
        now: state.clock.now(),
        instant: Instant::now(),
    }
}

/// What performs the steps.
struct Buyer<'a> {
    state: &'a State,
    /// As it was read last: what a write compares with.
    run: Stored<Run>,
}

impl Buyer<'_> {
    async fn perform(&mut self, step: BuyStep) -> Result<BuyAnswer, Error> {
        let state = self.state;
        let id = &self.run.value.id;
        match step {
            BuyStep::ListJobs => {
                let listed = state.vertex.jobs_in(&self.run.value.plan.region, id).await;
                let listed = listed.map_err(Error::call(vertex::SERVICE))?;
                return Ok(BuyAnswer::Jobs(listed));
            }
            BuyStep::CancelSurplus(job) => self.cancel_surplus(&job).await?,
            BuyStep::ReadOpenRuns => return open_runs(state).await.map(BuyAnswer::OpenRuns),
            BuyStep::ReadVersion(version) => {
                let version = state.documents.get::<Version>(version.as_str()).await?;
                let version = version.map(|stored| Arc::new(stored.value));
                return Ok(BuyAnswer::Version(version));
            }
            BuyStep::ReadPolicy => return Ok(self.read_policy().await),
            BuyStep::Reserve { key, usd, caps } => {
                let now = state.clock.now();
                let reserved = state.spend.reserve(&key, usd, caps, now).await?;
                return Ok(BuyAnswer::Reserved(reserved));
            }
            BuyStep::Write(run) => {
                let written = state.documents.replace(id.as_str(), &self.run, &*run);
                let written = written.await?;
                written.or_busy("the run changed after it was read")?;
            }
            BuyStep::Reread => return self.reread().await,
            BuyStep::Create(files) => return Ok(self.create(&files).await),
            BuyStep::EnterInLedger(entry) => {
                let created = state.documents.create(&entry.name.key(), &*entry).await;
                if let Err(error) = created {
                    warn!(
                        outcome = "not_in_ledger",
                        job.name = entry.name.as_str(),
                        "the request of the job {} is not recorded: {}",
                        entry.name,
                        Chain(&error)
                    );
                }
            }
            BuyStep::Release { key, reservation } => {
                let _was_reserved = state.spend.release(&key, &reservation).await?;
            }
            BuyStep::PublishSubmitted => {
                let submitted = RunSubmitted { run: id.clone() };
                state.events.publish(&submitted).await?;
            }
            BuyStep::PublishAwaits => publish_awaits(state, id).await?,
            BuyStep::Report(line) => report(id, &line),
            // It was returned.
            BuyStep::End(_) => {}
        }
        Ok(BuyAnswer::Done)
    }

    async fn cancel_surplus(&self, job: &str) -> Result<(), Error> {
        let id = &self.run.value.id;
        warn!(
            event.name = "surplus_job",
            run.id = %id,
            job.name = job,
            "cancelling a surplus job of run {id}"
        );
        let cancelled = self.state.vertex.cancel_job(job).await;
        cancelled.map_err(Error::call(vertex::SERVICE))
    }

    async fn read_policy(&self) -> BuyAnswer {
        let policy = self.state.policy.read().await;
        let policy = policy.map(Arc::new).map_err(|no_policy| {
            let chain = Chain(&no_policy).to_string();
            error!(
                event.name = "submission_waits",
                dependency = "policy",
                missing = "a policy that can be read",
                "run {} waits, and nothing is bought: {chain}",
                self.run.value.id
            );
            chain
        });
        BuyAnswer::Policy(policy)
    }

    async fn reread(&mut self) -> Result<BuyAnswer, Error> {
        let id = self.run.value.id.as_str();
        let found = self.state.documents.get::<Run>(id).await?;
        self.run = found.ok_or(Error::Busy(
            "the run that was just written was not found".into(),
        ))?;
        Ok(BuyAnswer::Run(Box::new(self.run.value.clone())))
    }

    async fn create(&self, files: &JobFiles) -> BuyAnswer {
        let job = files.job(&self.run.value);
        let timeout = self.state.config.create_timeout;
        let created = self.state.vertex.create_job(&job, timeout).await;
        BuyAnswer::Created(created.map(Box::new))
    }
}

/// Reads the open runs as far as needed: while as many jobs run as may, no turn has come, however
/// long the queue is.
async fn open_runs(state: &State) -> Result<RunQueue, Error> {
    let mut live = 0;
    for current in [RunState::Running, RunState::Stopping] {
        let field = [("state", current.as_str().into())];
        live += state.documents.query_all::<Run>(&field).await?.len();
    }
    let jobs_max = state.config.jobs_max;
    let mut queued = Vec::new();
    if live < jobs_max {
        let queue = QueueReader::new(&state.documents);
        // One more than may run: the run that asks may be among them.
        let most = jobs_max.saturating_add(1);
        queued = queue.armed(most).await?;
        queued.extend(queue.in_turn(most).await?);
    }
    Ok(RunQueue { live, queued })
}

/// Publishes that the run waits for a person: after the write, and again on redelivery.
pub(crate) async fn publish_awaits(state: &State, run: &RunId) -> Result<(), Error> {
    let awaits = RunAwaitsApproval { run: run.clone() };
    state.events.publish(&awaits).await
}

fn report(id: &RunId, report: &BuyReport) {
    match report {
        BuyReport::Needs { missing, answer } => error!(
            event.name = "submission_waits",
            dependency = vertex::SERVICE,
            missing,
            "run {id} waits until a person provides {missing}: {answer}"
        ),
        BuyReport::NoAnswer(calls) => error!(
            event.name = "submission_waits",
            dependency = vertex::SERVICE,
            missing = "an answer",
            "run {id} waits: {calls} create calls in a row had no answer, and made no job"
        ),
        BuyReport::Submitted { job, how } => info!(
            event.name = "run_submitted",
            job.name = job,
            "{how} for run {id}"
        ),
        BuyReport::UnreadableJob(job) => warn!(
            outcome = "unreadable_job",
            job.name = job,
            "a job has a name of another form"
        ),
    }
}
