//! Consumes alerts, and `run-unhealthy` where no alert came.

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use shared::{
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::{Incident, RunUnhealthy},
    google::{documents::Stored, vertex},
    health::HealthFinding,
    id::RunId,
    run::{Run, State as RunState, Stop},
};
use tracing::{Span, error, warn};

use crate::{
    State,
    claims::{self, Claim},
    decide::{StopDecision, decide},
    incidents,
};

/// Checks the run that an alert names. The alert itself is never trusted: it may be late, repeated or
/// forged, so the decision rests on the curve alone.
pub(crate) async fn alert(state: Data<State>, delivery: Delivery<Incident>) -> Result<Ack, Error> {
    let incident = &delivery.event;
    // Recorded before anything else: a repetition finds it, and makes no call.
    let record = incidents::receive(&state, incident).await?;
    if record.value.handled {
        let note = format!("incident {} was handled before", incident.id);
        return Ok(Ack::done("handled_before", note));
    }
    if !incident.open {
        let note = "the incident closed".to_owned();
        return incidents::close(&state, &record, incident, Ack::done("closed", note)).await;
    }
    let Some(run) = &incident.run else {
        let note = "the alert has no label `run_id`: add it to the metric of its policy";
        return incidents::close(&state, &record, incident, Ack::refused("no_run", note)).await;
    };
    Span::current().record("run.id", run.as_str());
    let called_by = format!("incident {} of policy `{}`", incident.id, incident.policy);
    let ack = match consider(&state, run, &delivery.message.id, &called_by).await? {
        Some(outcome) => Ack::done("considered", outcome),
        None => {
            let note = format!("the alert names run `{run}`, which does not exist");
            Ack::refused("unknown_run", note)
        }
    };
    incidents::close(&state, &record, incident, ack).await
}

/// Checks a run whose fault persists although no alert has led to a decision.
pub(crate) async fn run_unhealthy(
    state: Data<State>,
    delivery: Delivery<RunUnhealthy>,
) -> Result<Ack, Error> {
    let run = &delivery.event.run;
    Span::current().record("run.id", run.as_str());
    match consider(&state, run, &delivery.message.id, "watch").await? {
        Some(outcome) => Ok(Ack::done("considered", outcome)),
        None => Ok(Ack::refused("unknown_run", format!("no run `{run}`"))),
    }
}

/// Confirms, decides, records, acts, in this order; `None` if the run does not exist.
///
/// `message` is the message that asks for it: of many at once only one reads the curve.
async fn consider(
    state: &State,
    id: &RunId,
    message: &str,
    called_by: &str,
) -> Result<Option<String>, Error> {
    let Some(stored) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(None);
    };
    let run = &stored.value;
    let Some(known) = run.job.as_ref().filter(|_| run.state.is_live()) else {
        return Ok(Some(format!("run {id} has no live job")));
    };
    if run.state == RunState::Stopping {
        // Decided before. The ledger of `watch` asks the job to stop until it has ended, also where the
        // call of that decision was lost.
        return Ok(Some(format!("run {id} is being stopped already")));
    }
    if let Claim::Taken { at } = claims::claim(state, id, message).await? {
        return Ok(Some(format!("run {id} was considered at {at}")));
    }
    let job = state
        .vertex
        .job(&known.name)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    if job.is_final() {
        return Ok(Some(format!("the job of run {id} has already ended")));
    }
    let curve = state
        .vertex
        .curve(id, &job)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    let now = state.clock.now();
    let known = job.record(run.job.as_ref(), now);
    match decide(run, &known, curve.as_ref(), now) {
        StopDecision::LetRun => Ok(Some(format!(
            "the curve of run {id} shows no fault: the run goes on"
        ))),
        StopDecision::Stop { finding, keep } => {
            // The decision is written before the call: a crash in between repeats the call only.
            let kept = keep.as_ref().map(|checkpoint| checkpoint.id.clone());
            let reason = reason(&finding, kept.as_deref(), called_by);
            let mut stopping = run.clone();
            stopping.chosen = keep;
            stopping.stop = Some(Stop {
                finding: finding.code,
                evidence: Some(finding),
                called_by: called_by.to_owned(),
                at: now,
            });
            record(state, &stored, stopping, &reason, now).await?;
            Ok(Some(cancel(state, &job.name, id).await))
        }
    }
}

fn reason(finding: &HealthFinding, kept: Option<&str>, called_by: &str) -> String {
    let kept = match kept {
        Some(id) => format!("keeps checkpoint {id}"),
        None => "keeps no checkpoint".to_owned(),
    };
    let (word, advice) = (finding.code.as_str(), finding.code.advice());
    let cause = &finding.cause;
    format!("stopped for `{word}`: {cause}; {advice}; {kept}; called by {called_by}")
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

/// Asks the job to stop. The decision is recorded: where this call fails, the ledger of `watch` asks again.
async fn cancel(state: &State, job: &str, id: &RunId) -> String {
    let Err(error) = state.vertex.cancel_job(job).await else {
        return format!("asked the job of run {id} to stop");
    };
    let error = Error::call(vertex::SERVICE)(error);
    let chain = Chain(&error);
    if error.is_for_a_person() {
        error!(outcome = "cancel_failed", job.name = job, "{chain}");
    } else {
        warn!(outcome = "cancel_failed", job.name = job, "{chain}");
    }
    format!("run {id} is to stop, but its job could not be asked: watch asks again")
}
