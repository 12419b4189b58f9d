//! The sweep over the job ledger: every job of Lapidary, whatever the state of its run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;
use shared::{
    error::{Chain, Error},
    event::RunApproved,
    google::{
        documents::{Stored, Write},
        vertex::{JobName, TuningJob},
    },
    job_ledger::{JobEntry, JobOwner},
    outcome::CallError,
    run::{Run, State as RunState},
};
use tracing::{error, warn};

use crate::{
    State, isolated,
    job_lists::JobLists,
    ledger::{self, CancelCause, JobEffect},
};

/// How often an entry is written of which nothing has changed but the time.
const SEEN_AGAIN: TimeDelta = TimeDelta::minutes(10);

/// The jobs that this process knows to have ended. Lists hold years of them: without this, each tick would
/// read the entry of every one. It is a cache: a process without it reads them once more.
#[derive(Debug, Default)]
pub(crate) struct EndedJobs(Mutex<BTreeSet<String>>);

impl EndedJobs {
    fn contains(&self, key: &str) -> bool {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.contains(key)
    }

    fn insert(&self, key: String) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key);
    }
}

/// Merges the lists into the ledger and acts on every job that is open or new.
pub(crate) async fn sweep(state: &State, lists: &JobLists) -> Result<(), Error> {
    let open = state
        .documents
        .query_all::<JobEntry>(&[("open", true.into())])
        .await?;
    let mut open: BTreeMap<String, Stored<JobEntry>> = open
        .into_iter()
        .map(|stored| (stored.value.name.key(), stored))
        .collect();
    for job in lists.all() {
        let Ok(name) = job.name.parse::<JobName>() else {
            error!(
                outcome = "unreadable_job",
                job.name = job.name,
                "a job has a name of another form"
            );
            continue;
        };
        let known = open.remove(&name.key());
        let result = listed(state, name.clone(), job, known).await;
        isolated::log_failure("sweep_failed", None, Some(name.as_str()), &result);
    }
    // What no list has: a list may lag behind, be refused, or end early.
    for (_, stored) in open {
        let name = stored.value.name.clone();
        let result = unlisted(state, lists, stored).await;
        isolated::log_failure("sweep_failed", None, Some(name.as_str()), &result);
    }
    Ok(())
}

async fn listed(
    state: &State,
    name: JobName,
    job: &TuningJob,
    known: Option<Stored<JobEntry>>,
) -> Result<(), Error> {
    let key = name.key();
    if known.is_none() && job.is_final() && state.ended.contains(&key) {
        return Ok(());
    }
    let known = match known {
        Some(known) => Some(known),
        None => state.documents.get::<JobEntry>(&key).await?,
    };
    let now = state.clock.now();
    let is_new = known.is_none();
    let entry = match &known {
        Some(known) => {
            let mut entry = known.value.clone();
            entry.see(job, now);
            entry
        }
        // Whose it is follows from its run, which is read next.
        None => JobEntry::new(name, job, JobOwner::Orphan, now),
    };
    let adopts = act(state, known, entry, Some(job)).await?;
    if !is_new && job.is_final() && !adopts {
        state.ended.insert(key);
    }
    Ok(())
}

/// Follows a job that is open in the ledger and in no list.
async fn unlisted(state: &State, lists: &JobLists, stored: Stored<JobEntry>) -> Result<(), Error> {
    let now = state.clock.now();
    let mut entry = stored.value.clone();
    match state.vertex.job(entry.name.as_str()).await {
        Ok(job) => {
            entry.see(&job, now);
            act(state, Some(stored), entry, Some(&job)).await.map(drop)
        }
        Err(CallError::Missing(_)) if lists.lacks(&entry.name) => {
            if entry.miss(now) {
                error!(
                    event.name = "job_vanished",
                    run.id = entry.run.as_ref().map(ToString::to_string),
                    job.name = entry.name.as_str(),
                    "Vertex AI does not find the job {} any more",
                    entry.name
                );
            }
            write(state, Some(stored), &entry).await.map(drop)
        }
        // Not a proof of anything. It may run, and cost money: what was decided is still done.
        Err(
            CallError::Missing(_)
            | CallError::No(_)
            | CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Unknown(_),
        ) => act(state, Some(stored), entry, None).await.map(drop),
    }
}

/// Decides what to do about a job, does it, and records it; `true` if its run adopts it.
async fn act(
    state: &State,
    known: Option<Stored<JobEntry>>,
    mut entry: JobEntry,
    job: Option<&TuningJob>,
) -> Result<bool, Error> {
    // After the job was seen: `ledger::next` relies on that.
    let run = match &entry.run {
        Some(run) => state.documents.get::<Run>(run.as_str()).await?,
        None => None,
    };
    let now = state.clock.now();
    let mut adopts = false;
    let mut asked = None;
    for effect in ledger::next(&entry, run.as_ref().map(|run| &run.value), now) {
        match effect {
            JobEffect::Own(owner) => entry.owner = owner,
            JobEffect::Adopt => {
                adopts = true;
                if let (Some(run), Some(job)) = (&run, job) {
                    adopt(state, run, job).await?;
                }
            }
            JobEffect::Unwanted(cause) => report(&entry, cause),
            JobEffect::Cancel(cause) => {
                let failure = cancel(state, &entry, cause).await;
                entry.cancels.record(failure.clone(), now);
                asked = Some(failure);
            }
            JobEffect::ReportNoEffect => error!(
                event.name = "cancel_without_effect",
                run.id = entry.run.as_ref().map(ToString::to_string),
                job.name = entry.name.as_str(),
                accepted = entry.cancels.accepted,
                failure = entry.cancels.failure,
                "the job {} runs on although it was asked to stop: cancel it in the Cloud console",
                entry.name
            ),
        }
    }
    let written = write(state, known, &entry).await?;
    if let (Write::Lost, Some(failure)) = (written, asked) {
        record_ask(state, &entry.name, failure).await?;
    }
    Ok(adopts)
}

/// Adds a request to stop to an entry that another tick has written meanwhile: that tick has seen the same
/// job, but does not know of this request.
async fn record_ask(state: &State, name: &JobName, failure: Option<String>) -> Result<(), Error> {
    let key = name.key();
    let Some(stored) = state.documents.get::<JobEntry>(&key).await? else {
        return Ok(());
    };
    let mut entry = stored.value.clone();
    entry.cancels.record(failure, state.clock.now());
    let written = state.documents.replace(&key, &stored, &entry).await?;
    written.or_busy("other ticks keep changing the entry of a job")
}

/// Records in its run a job that a call made whose answer was lost.
async fn adopt(state: &State, stored: &Stored<Run>, job: &TuningJob) -> Result<(), Error> {
    let now = state.clock.now();
    let mut run = stored.value.clone();
    run.armed = None;
    run.waits = None;
    run.job = Some(job.record(None, now));
    let reason = "adopted the job of an earlier call";
    if !run.enter(RunState::Running, "watch", reason, now) {
        return Ok(());
    }
    let id = run.id.as_str();
    if state.documents.replace(id, stored, &run).await? == Write::Lost {
        // `tune` was faster, perhaps with the same job: the next tick sees.
        return Ok(());
    }
    warn!(
        event.name = "job_adopted",
        run.id = id,
        job.name = job.name,
        "{reason} for run {id}"
    );
    // `tune` publishes the submission of a run that has its job.
    state.events.publish(&RunApproved { run: run.id }).await
}

fn report(entry: &JobEntry, cause: CancelCause) {
    let run = entry.run.as_ref().map(ToString::to_string);
    let job = entry.name.as_str();
    match cause {
        CancelCause::Surplus => warn!(
            event.name = "surplus_job",
            run.id = run,
            job.name = job,
            "the job {job} is a second one of its run: it is cancelled"
        ),
        CancelCause::Orphan => warn!(
            event.name = "orphan_job",
            run.id = run,
            job.name = job,
            "the job {job} has no run that wants it: it is cancelled"
        ),
        // The function that decided that has logged it.
        CancelCause::Stopped => {}
    }
}

/// Asks the service to stop a job; why it did not accept that, if it did not.
async fn cancel(state: &State, entry: &JobEntry, cause: CancelCause) -> Option<String> {
    let asked = state.vertex.cancel_job(entry.name.as_str()).await;
    let failure = asked.as_ref().err().map(|error| Chain(error).to_string());
    let (job, cause) = (entry.name.as_str(), cause.as_str());
    let run = entry.run.as_ref().map(ToString::to_string);
    match asked {
        Ok(()) => warn!(
            event.name = "cancel_asked",
            run.id = run,
            job.name = job,
            cause,
            accepted = entry.cancels.accepted.saturating_add(1),
            "asked the job {job} to stop"
        ),
        Err(CallError::NotAllowed(refusal)) => error!(
            outcome = "not_allowed",
            run.id = run,
            job.name = job,
            cause,
            lacks = refusal.lacks,
            "the job {job} may not be cancelled: {refusal}"
        ),
        Err(
            CallError::No(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_),
        ) => warn!(
            outcome = "cancel_failed",
            run.id = run,
            job.name = job,
            cause,
            "the job {job} could not be asked to stop: {}",
            failure.as_deref().unwrap_or_default()
        ),
    }
    failure
}

/// Records the entry. Where another tick was faster, that one has seen the same.
async fn write(
    state: &State,
    known: Option<Stored<JobEntry>>,
    entry: &JobEntry,
) -> Result<Write, Error> {
    let key = entry.name.key();
    match known {
        Some(known) if is_recent(&known.value, entry) => Ok(Write::Done),
        Some(known) => state.documents.replace(&key, &known, entry).await,
        None => state.documents.create(&key, entry).await,
    }
}

/// Whether nothing has changed but the time since the entry was written, not long ago.
fn is_recent(known: &JobEntry, entry: &JobEntry) -> bool {
    let as_of = |entry: &JobEntry| JobEntry {
        last_seen: known.last_seen,
        ..entry.clone()
    };
    entry.last_seen - known.last_seen < SEEN_AGAIN && as_of(entry) == *known
}
