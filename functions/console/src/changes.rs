//! The forms that end a run or try it again: refuse, cancel, retry.

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
    run::{Run, State as RunState},
    run_change::RunChange,
};
use tracing::{Span, info, warn};

use crate::{State, csrf::CheckedForm, failure::FailurePage, handler, view};

/// Attempts at writing a change while another function writes the run: `watch` does, once a minute.
const ATTEMPTS_MAX: usize = 3;

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
    let id = handler::parse_id(id)?;
    Span::current().record("run.id", id.as_str());
    let run = write(change, form, state, &id).await?;
    info!(
        event.name = "run_changed",
        run.id = %id,
        change = change.as_str(),
        "{}: {}",
        form.by,
        run.reason
    );
    if run.state == RunState::Queued {
        // The write is what counts: if publishing fails, `watch` publishes it for queued runs.
        let approved = RunApproved { run: id.clone() };
        if let Err(error) = state.events.publish(&approved).await {
            warn!(outcome = "publish_deferred", "{}", Chain(&error));
        }
    }
    let mut seen = HttpResponse::SeeOther();
    seen.insert_header((LOCATION, format!("/runs/{id}")));
    Ok(seen.finish())
}

/// Writes the change; the run as it is then.
async fn write(
    change: RunChange,
    form: &CheckedForm,
    state: &State,
    id: &RunId,
) -> Result<Run, Error> {
    for _attempt in 0..ATTEMPTS_MAX {
        let before = view::stored_run(&state.documents, id).await?;
        let mut run = before.value.clone();
        change
            .apply(&mut run, &form.by, &form.why, state.clock.now())
            .map_err(Error::Refused)?;
        match state.documents.replace(id.as_str(), &before, &run).await? {
            Write::Done => return Ok(run),
            Write::Lost => {}
        }
    }
    Err(Error::Busy(
        "the run changed with every attempt to change it".into(),
    ))
}
