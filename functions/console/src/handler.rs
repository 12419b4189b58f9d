//! Answers people with pages and programs with JSON, and handles the one form, an approval.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::LOCATION},
    web::{Data, Path},
};
use serde_json::json;
use shared::{
    error::{Chain, Error},
    event::RunApproved,
    google::documents::Write,
    id::RunId,
    run::{NotApproved, State as RunState},
};
use tracing::{Span, info, warn};

use crate::{
    State,
    csrf::{CheckedForm, FormGuard},
    failure::FailurePage,
    page, view,
};

/// Attempts at writing an approval while another function writes the run: `watch` does, once a minute.
const ATTEMPTS_MAX: usize = 3;

/// The newest runs.
pub(crate) async fn runs(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, FailurePage> {
    let runs = view::runs(&state.documents).await?;
    let page = page::runs::page(&runs, state.clock.now(), page::Refresh::asked(&request));
    Ok(page::answer(StatusCode::OK, page))
}

/// Everything about one run.
pub(crate) async fn run(
    state: Data<State>,
    guard: Data<FormGuard>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, FailurePage> {
    let found = view::run(&state.documents, &parse_id(&id)?).await?;
    let refresh = page::Refresh::asked(&request);
    let page = page::run::page(&found, guard.token(), state.clock.now(), refresh);
    Ok(page::answer(StatusCode::OK, page))
}

/// The newest uploads.
pub(crate) async fn uploads(state: Data<State>) -> Result<HttpResponse, FailurePage> {
    let uploads = view::newest_uploads(&state.documents).await?;
    Ok(page::answer(StatusCode::OK, page::uploads::page(&uploads)))
}

/// Approves a run that costs more than its budget.
pub(crate) async fn approve(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    let id = parse_id(&id)?;
    Span::current().record("run.id", id.as_str());
    if write_approval(&state, &id, &form).await? {
        info!(event.name = "run_approved", run.id = %id, "a person approved run {id}");
    }
    let approved = RunApproved { run: id.clone() };
    // The write is what counts: if publishing fails, `watch` publishes `run-approved` for queued runs
    // within a minute.
    if let Err(error) = state.events.publish(&approved).await {
        warn!(outcome = "publish_deferred", "{}", Chain(&error));
    }
    let mut seen = HttpResponse::SeeOther();
    seen.insert_header((LOCATION, format!("/runs/{id}")));
    Ok(seen.finish())
}

/// Writes the approval; `false` if the run is approved already, as after a second click.
async fn write_approval(state: &State, id: &RunId, form: &CheckedForm) -> Result<bool, Error> {
    for _attempt in 0..ATTEMPTS_MAX {
        let before = view::stored_run(&state.documents, id).await?;
        let mut run = before.value.clone();
        match run.approve(&form.by, &form.why, state.clock.now()) {
            Ok(()) => {}
            Err(NotApproved::State(RunState::Queued | RunState::Running)) => return Ok(false),
            Err(NotApproved::State(current)) => {
                let current = current.as_str();
                return Err(Error::Refused(format!(
                    "run `{id}` is {current}: only a run that awaits approval can be approved"
                )));
            }
            Err(refusal @ NotApproved::Uploader(_)) => {
                return Err(Error::Refused(refusal.to_string()));
            }
        }
        match state.documents.replace(id.as_str(), &before, &run).await? {
            Write::Done => return Ok(true),
            Write::Lost => {}
        }
    }
    Err(Error::Busy(
        "the run changed with every attempt to approve it".into(),
    ))
}

/// The newest runs, for programs: their documents.
pub(crate) async fn runs_json(state: Data<State>) -> Result<HttpResponse, Error> {
    let runs = view::newest_runs(&state.documents).await?;
    Ok(HttpResponse::Ok().json(json!({ "runs": runs })))
}

/// One run, for programs: its document and its curve.
pub(crate) async fn run_json(state: Data<State>, id: Path<String>) -> Result<HttpResponse, Error> {
    let (run, curve) = view::run_and_curve(&state.documents, &parse_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(json!({ "run": run, "curve": curve })))
}

/// The style sheet of every page.
pub(crate) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(include_str!("style.css"))
}

/// The icon in a browser's tab.
pub(crate) async fn icon() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .body(include_str!("icon.svg"))
}

/// Any other path.
pub(crate) async fn missing() -> Result<HttpResponse, FailurePage> {
    Err(Error::NotFound("this page".to_owned()).into())
}

/// The run that a path names. An invalid id cannot be the id of a run, so it is not found.
pub(crate) fn parse_id(text: &str) -> Result<RunId, Error> {
    text.parse()
        .map_err(|_invalid| Error::NotFound("a run of that name".to_owned()))
}
