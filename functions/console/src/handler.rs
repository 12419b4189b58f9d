//! Answers people with pages and programs with JSON. The forms are handled by `changes`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde_json::json;
use shared::{error::Error, id::RunId};

use crate::{State, csrf::FormGuard, failure::FailurePage, page, view};

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
