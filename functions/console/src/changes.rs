//! The forms, each of which changes a run: approve, refuse, cancel, retry.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{Data, Path},
};
use shared::{
    error::{Chain, Error},
    event::RunApproved,
    google::documents::Write,
    id::RunId,
    run::{NotApproved, Run, State as RunState},
    run_change::RunChange,
};
use tracing::{Span, info, warn};

use crate::{State, csrf::CheckedForm, failure::FailurePage, handler, view};

/// Attempts at writing a change while another function writes the run: `watch` does, once a minute.
const ATTEMPTS_MAX: usize = 3;

/// Approves a run that waits for a person. A second click finds it approved, and changes nothing.
pub(crate) async fn approve(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    let id = parsed(&id)?;
    let at = state.clock.now();
    let (_, changed) = write(&state, &id, |run| {
        match run.approve(&form.by, &form.why, at) {
            Ok(()) => Ok(true),
            Err(NotApproved::State(RunState::Queued | RunState::Running)) => Ok(false),
            Err(NotApproved::State(current)) => {
                let current = current.as_str();
                Err(Error::Refused(format!(
                    "run `{id}` is {current}: only a run that awaits approval can be approved"
                )))
            }
            Err(refusal @ NotApproved::Uploader(_)) => Err(Error::Refused(refusal.to_string())),
        }
    })
    .await?;
    if changed {
        info!(event.name = "run_approved", run.id = %id, "a person approved run {id}");
    }
    publish_approved(&state, &id).await;
    Ok(seen(&id))
}

/// Refuses the price of a run.
pub(crate) async fn refuse(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    change(RunChange::Refuse, &form, &state, &id).await
}

/// Ends a run. Its job, if it has one, is asked to stop by `watch`, within a minute and until it has ended.
pub(crate) async fn cancel(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    change(RunChange::Cancel, &form, &state, &id).await
}

/// Tries a run again.
pub(crate) async fn retry(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    change(RunChange::Retry, &form, &state, &id).await
}

async fn change(
    change: RunChange,
    form: &CheckedForm,
    state: &State,
    id: &str,
) -> Result<HttpResponse, FailurePage> {
    let id = parsed(id)?;
    let at = state.clock.now();
    let (run, _) = write(state, &id, |run| {
        let done = change.apply(run, &form.by, &form.why, at);
        done.map(|()| true).map_err(Error::Refused)
    })
    .await?;
    info!(
        event.name = "run_changed",
        run.id = %id,
        change = change.as_str(),
        "{}: {}",
        form.by,
        run.reason
    );
    if run.state == RunState::Queued {
        publish_approved(state, &id).await;
    }
    Ok(seen(&id))
}

/// The run that the path names, which the request's log lines name too.
fn parsed(id: &str) -> Result<RunId, Error> {
    let id = handler::parse_id(id)?;
    Span::current().record("run.id", id.as_str());
    Ok(id)
}

/// Writes what `change` makes of a run; the run as it is then, and whether that is new.
async fn write(
    state: &State,
    id: &RunId,
    change: impl Fn(&mut Run) -> Result<bool, Error>,
) -> Result<(Run, bool), Error> {
    for _attempt in 0..ATTEMPTS_MAX {
        let before = view::stored_run(&state.documents, id).await?;
        let mut run = before.value.clone();
        if !change(&mut run)? {
            return Ok((run, false));
        }
        match state.documents.replace(id.as_str(), &before, &run).await? {
            Write::Done => return Ok((run, true)),
            Write::Lost => {}
        }
    }
    Err(Error::Busy(
        "the run changed with every attempt to change it".into(),
    ))
}

/// The write is what counts: if publishing fails, `watch` publishes `run-approved` for queued runs within a
/// minute.
async fn publish_approved(state: &State, run: &RunId) {
    let approved = RunApproved { run: run.clone() };
    if let Err(error) = state.events.publish(&approved).await {
        warn!(outcome = "publish_deferred", "{}", Chain(&error));
    }
}

/// Leads back to the page of the run.
fn seen(run: &RunId) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("/runs/{run}")))
        .finish()
}
