//! Pages for people: the runs and their curves, the routes, the uploads, and the buttons that change them:
//! approve a price, refuse it, cancel a run, try it again, roll a route back, hold it.
//!
//! Pages are rendered on the server and need no script. Programs read the same documents at `/v1/`.

mod changes;
mod chart;
mod config;
mod csrf;
mod failure;
mod handler;
mod headers;
mod moment;
mod page;
mod route_changes;
mod run_status;
#[cfg(test)]
mod sample;
mod untrusted;
mod view;

use actix_web::{
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, events::Events},
    service::{self, Callers, Common, Running},
};

pub use crate::config::Config;
use crate::csrf::FormGuard;

/// Largest form, in bytes: ours hold one token, and a reason of 500 characters, each of which is up to
/// twelve bytes in a form.
const FORM_MAX_BYTES: usize = 8 << 10;

/// What the handlers use.
#[derive(Debug)]
struct State {
    clock: Clock,
    documents: Documents,
    events: Events,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("console", Callers::People, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let guard = Data::new(FormGuard::new(config.user));
    let state = Data::new(State {
        clock,
        documents: google.documents()?,
        events: google.events(clock)?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone());
        routes(app, &guard);
    })
}

/// Every route, wrapped in the security headers.
fn routes(app: &mut ServiceConfig, guard: &Data<FormGuard>) {
    let form = web::FormConfig::default().limit(FORM_MAX_BYTES);
    let pages = web::scope("")
        .wrap(from_fn(headers::harden))
        .app_data(guard.clone())
        .app_data(form)
        .route("/", web::get().to(handler::runs))
        .route("/runs/{id}", web::get().to(handler::run))
        .route("/runs/{id}/approve", web::post().to(changes::approve))
        .route("/runs/{id}/refuse", web::post().to(changes::refuse))
        .route("/runs/{id}/cancel", web::post().to(changes::cancel))
        .route("/runs/{id}/retry", web::post().to(changes::retry))
        .route("/routes", web::get().to(handler::routes))
        .route("/routes/{name}", web::get().to(handler::route))
        .route(
            "/routes/{name}/{change}",
            web::post().to(route_changes::change),
        )
        .route("/uploads", web::get().to(handler::uploads))
        .route("/v1/runs", web::get().to(handler::runs_json))
        .route("/v1/runs/{id}", web::get().to(handler::run_json))
        .route("/v1/routes", web::get().to(handler::routes_json))
        .route("/v1/routes/{name}", web::get().to(handler::route_json))
        .route("/style.css", web::get().to(handler::style))
        .route("/icon.svg", web::get().to(handler::icon))
        .default_service(web::to(handler::missing));
    app.service(pages);
}

#[cfg(test)]
mod tests {
    use actix_web::{App, http::StatusCode, test};

    use super::*;

    #[track_caller]
    fn check_headers(path: &str, headers: &actix_web::http::header::HeaderMap) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let policy = header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(header("cache-control"), Some("no-store"), "{path}");
    }

    #[actix_web::test]
    async fn every_response_has_the_security_headers() {
        let guard = Data::new(FormGuard::new("tester".to_owned()));
        let app = test::init_service(App::new().configure(|app| routes(app, &guard))).await;
        for (path, status, content_type) in [
            ("/style.css", StatusCode::OK, "text/css; charset=utf-8"),
            ("/icon.svg", StatusCode::OK, "image/svg+xml"),
            ("/nope", StatusCode::NOT_FOUND, "text/html; charset=utf-8"),
        ] {
            let request = test::TestRequest::get().uri(path).to_request();
            let response = test::call_service(&app, request).await;
            assert_eq!(response.status(), status, "{path}");
            let found = response.headers().get("content-type").unwrap();
            assert_eq!(found, content_type, "{path}");
            check_headers(path, response.headers());
        }
    }
}
