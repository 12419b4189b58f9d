//! Answers people with pages and programs with JSON. The forms are handled by `changes` and `route_changes`.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde_json::json;
use shared::{
    error::Error,
    id::{DatasetName, RunId},
};

use crate::{
    State,
    csrf::FormGuard,
    failure::FailurePage,
    page,
    view::{self, NamedRoute},
};

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

/// Every route.
pub(crate) async fn routes(state: Data<State>) -> Result<HttpResponse, FailurePage> {
    let routes = view::all_routes(&state.documents).await?;
    Ok(page::answer(StatusCode::OK, page::routes::page(&routes)))
}

/// Everything about one route.
pub(crate) async fn route(
    state: Data<State>,
    guard: Data<FormGuard>,
    name: Path<String>,
) -> Result<HttpResponse, FailurePage> {
    let name = parse_model(&name)?;
    let route = view::stored_route(&state.documents, &name).await?.value;
    let page = page::route::page(&NamedRoute { name, route }, guard.token());
    Ok(page::answer(StatusCode::OK, page))
}

/// Every route, for programs: their documents by name.
pub(crate) async fn routes_json(state: Data<State>) -> Result<HttpResponse, Error> {
    let routes = view::all_routes(&state.documents).await?;
    let routes: BTreeMap<_, _> = routes.into_iter().map(|it| (it.name, it.route)).collect();
    Ok(HttpResponse::Ok().json(json!({ "routes": routes })))
}

/// One route, for programs: its document.
pub(crate) async fn route_json(
    state: Data<State>,
    name: Path<String>,
) -> Result<HttpResponse, Error> {
    let route = view::stored_route(&state.documents, &parse_model(&name)?).await?;
    Ok(HttpResponse::Ok().json(json!({ "route": route.value })))
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

/// The name of a model that a path names. An invalid one cannot have a route, so it is not found.
pub(crate) fn parse_model(text: &str) -> Result<DatasetName, Error> {
    text.parse()
        .map_err(|_invalid| Error::NotFound("a route of that name".to_owned()))
}
