//! Answers people with pages, programs with JSON, and hears one button.

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
    run::State as RunState,
};
use tracing::{Span, info, warn};

use crate::{
    State,
    csrf::{CheckedForm, FormGuard},
    failure::FailurePage,
    page, view,
};

/// Times that an approval is tried against whoever else writes the run: `watch`, once a minute.
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

/// Everything of one run.
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

/// Lets a run go ahead although it costs more than its budget.
pub(crate) async fn approve(
    form: CheckedForm,
    state: Data<State>,
    id: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    let id = parse_id(&id)?;
    Span::current().record("run.id", id.as_str());
    if write_approval(&state, &id, &form.by).await? {
        info!(event.name = "run_approved", run.id = %id, "a person approved run {id}");
    }
    let approved = RunApproved { run: id.clone() };
    // The approval is written, and that is what counts: `watch` tells of queued runs each minute.
    if let Err(error) = state.events.publish(&approved).await {
        warn!(outcome = "told_later", "{}", Chain(&error));
    }
    let mut seen = HttpResponse::SeeOther();
    seen.insert_header((LOCATION, format!("/runs/{id}")));
    Ok(seen.finish())
}

/// Writes the approval; `false` where the run was approved before, as by a second press.
async fn write_approval(state: &State, id: &RunId, by: &str) -> Result<bool, Error> {
    for _attempt in 0..ATTEMPTS_MAX {
        let before = view::stored_run(&state.documents, id).await?;
        let mut run = before.value.clone();
        if !run.approve(by, state.clock.now()) {
            return match run.state {
                RunState::Queued | RunState::Running => Ok(false),
                RunState::AwaitingApproval
                | RunState::Stopping
                | RunState::Succeeded
                | RunState::Failed
                | RunState::Cancelled => {
                    let state = run.state.as_str();
                    Err(Error::Refused(format!(
                        "run `{id}` is {state}: nothing to approve"
                    )))
                }
            };
        }
        match state.documents.replace(id.as_str(), &before, &run).await? {
            Write::Done => return Ok(true),
            Write::Lost => {}
        }
    }
    Err(Error::Busy("the run keeps changing".into()))
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

/// The picture in a browser's tab.
pub(crate) async fn icon() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .body(include_str!("icon.svg"))
}

/// Any other address.
pub(crate) async fn missing() -> Result<HttpResponse, FailurePage> {
    Err(Error::NotFound("this page".to_owned()).into())
}

/// The run that a path names; what cannot be a name is no run's.
fn parse_id(text: &str) -> Result<RunId, Error> {
    text.parse()
        .map_err(|_invalid| Error::NotFound("a run of that name".to_owned()))
}
