//! Consumes alerts, and `run-unhealthy` where no alert came.

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    curve::CurveFault,
    delivery::Delivery,
    error::{Ack, Error},
    event::{Incident, RunUnhealthy},
    google::{
        documents::{Document, Stored},
        vertex,
    },
    id::{self, RunId},
    run::{Run, State as RunState, Stop},
};
use tracing::{Span, warn};

use crate::{
    State,
    decide::{StopDecision, decide},
};

/// How an alert was handled: document `incidents/{digest of its id and state}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// Google's id.
    pub incident: String,
    /// The policy's display name.
    pub policy: String,
    /// Google's summary.
    pub summary: String,
    /// The run in its labels, if there is one.
    pub run: Option<RunId>,
    /// How it was handled, in plain words.
    pub outcome: String,
    /// When it was first received.
    pub at: DateTime<Utc>,
}

impl Document for IncidentRecord {
    const COLLECTION: &'static str = "incidents";
}

/// Checks the run that an alert names. The alert itself is never trusted: it may be late, repeated or
/// forged, so the decision rests on the curve alone.
pub(crate) async fn alert(state: Data<State>, delivery: Delivery<Incident>) -> Result<Ack, Error> {
    let incident = &delivery.event;
    if !incident.open {
        return record_incident(&state, incident, Ack::done, "closed", "the incident closed").await;
    }
    let Some(run) = &incident.run else {
        let note = "the alert has no label `run_id`: add it to the metric of its policy";
        return record_incident(&state, incident, Ack::refused, "no_run", note).await;
    };
    Span::current().record("run.id", run.as_str());
    let called_by = format!("incident {} of policy `{}`", incident.id, incident.policy);
    match consider(&state, run, &called_by).await? {
        Some(outcome) => record_incident(&state, incident, Ack::done, "considered", &outcome).await,
        None => {
            let note = format!("the alert names run `{run}`, which does not exist");
            record_incident(&state, incident, Ack::refused, "unknown_run", &note).await
        }
    }
}

/// Checks a run whose fault persists although no alert has led to a decision.
pub(crate) async fn run_unhealthy(
    state: Data<State>,
    delivery: Delivery<RunUnhealthy>,
) -> Result<Ack, Error> {
    let run = &delivery.event.run;
    Span::current().record("run.id", run.as_str());
    match consider(&state, run, "watch").await? {
        Some(outcome) => Ok(Ack::done("considered", outcome)),
        None => Ok(Ack::refused("unknown_run", format!("no run `{run}`"))),
    }
}

/// Records how an alert was handled, then acknowledges it.
async fn record_incident(
    state: &State,
    incident: &Incident,
    ack: fn(&'static str, String) -> Ack,
    outcome: &'static str,
    note: &str,
) -> Result<Ack, Error> {
    let phase = if incident.open { "open" } else { "closed" };
    let id = id::digest(&[&incident.id, phase]);
    let record = IncidentRecord {
        incident: incident.id.clone(),
        policy: incident.policy.clone(),
        summary: incident.summary.chars().take(1_000).collect(),
        run: incident.run.clone(),
        outcome: note.to_owned(),
        at: state.clock.now(),
    };
    let _first_one_stays = state.documents.create(&id, &record).await?;
    Ok(ack(outcome, note.to_owned()))
}

/// Confirms, decides, records, acts, in this order; `None` if the run does not exist.
async fn consider(state: &State, id: &RunId, called_by: &str) -> Result<Option<String>, Error> {
    let Some(stored) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(None);
    };
    let run = &stored.value;
    let Some(known) = run.job.as_ref().filter(|_| run.state.is_live()) else {
        return Ok(Some(format!("run {id} has no live job")));
    };
    let job = state
        .vertex
        .job(&known.name)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    if job.is_final() {
        return Ok(Some(format!("the job of run {id} has already ended")));
    }
    if run.stop.is_some() {
        // Decided by an earlier delivery, whose cancel call may have been lost. Cancelling again is
        // harmless.
        return cancel(state, &job.name, id).await.map(Some);
    }
    let curve = state
        .vertex
        .curve(id, &job)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    let now = state.clock.now();
    let stalled = run.finding == Some(CurveFault::Stalled) && curve.last_step() <= run.last_step;
    match decide(&curve, stalled, &job.record(run.job.as_ref(), now)) {
        StopDecision::LetRun => Ok(Some(format!(
            "the curve of run {id} shows no fault: the run goes on"
        ))),
        StopDecision::Stop { finding, keep } => {
            // The decision is written before the call: a crash in between repeats the call only.
            let kept = keep.as_ref().map(|checkpoint| checkpoint.id.clone());
            let mut stopping = run.clone();
            stopping.chosen = keep;
            stopping.stop = Some(Stop {
                finding,
                called_by: called_by.to_owned(),
                at: now,
            });
            let reason = reason(finding, kept.as_deref(), called_by);
            record(state, &stored, stopping, &reason, now).await?;
            cancel(state, &job.name, id).await.map(Some)
        }
    }
}

fn reason(finding: CurveFault, kept: Option<&str>, called_by: &str) -> String {
    let kept = match kept {
        Some(id) => format!("keeps checkpoint {id}"),
        None => "keeps no checkpoint".to_owned(),
    };
    let (word, advice) = (finding.as_str(), finding.advice());
    format!("stopped for `{word}`: {advice}; {kept}; called by {called_by}")
}

async fn record(
    state: &State,
    before: &Stored<Run>,
    mut stopping: Run,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !stopping.enter(RunState::Stopping, "early-stop", reason, now) {
        return Ok(());
    }
    let id = stopping.id.to_string();
    let write = state.documents.replace(&id, before, &stopping).await?;
    write.or_busy("the run changed after it was read")?;
    warn!(event.name = "run_stopped", "run {id} is {reason}");
    Ok(())
}

async fn cancel(state: &State, job: &str, id: &RunId) -> Result<String, Error> {
    state
        .vertex
        .cancel_job(job)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    Ok(format!("asked the job of run {id} to stop"))
}
