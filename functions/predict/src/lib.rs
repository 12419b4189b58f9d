//! Serves the routed model. Repeated questions are answered from a cache, questions that the tuned model answers with low
//! confidence by the better of it and the base model, and every answer says which model gave it.
//!
//! A question comes in by an API ([`apis`](self)), is served ([`serving`](self)) by the better of two models
//! ([`race`](self)), and leaves in the shape that it came in.

mod allowance;
mod apis;
mod arm;
mod breaker;
mod canary_log;
mod config;
mod events;
mod failure;
mod fallback_budget;
mod flight;
mod models;
mod race;
mod reporter;
mod route_cache;
mod serving;
mod shadow;
mod stream_count;
mod streaming;

mod cache;
pub mod choose;
pub mod confidence;
pub mod fingerprint;
pub mod note;
pub mod question;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

use crate::{
    arm::Arm, breaker::Breakers, cache::Cache, canary_log::CanaryLog,
    fallback_budget::FallbackBudget, flight::Flights, route_cache::RouteCache,
};
pub use crate::{cache::CacheLimits, config::Config};

/// What the handlers use.
#[derive(Debug)]
struct State {
    config: Config,
    clock: Clock,
    vertex: Vertex,
    /// The model that answers while no route can be read, where the settings name one.
    without_route: Option<String>,
    routes: RouteCache,
    cache: Mutex<Cache>,
    flights: Flights,
    breakers: Breakers,
    fallback_budget: FallbackBudget,
    documents: Documents,
    canaries: Mutex<CanaryLog>,
}

impl State {
    /// The counts of canaries.
    fn canaries(&self) -> MutexGuard<'_, CanaryLog> {
        self.canaries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model that `arm` leads to, or that of the settings while no route can be read.
    fn model_of(&self, arm: Option<&Arm>) -> String {
        let settings = self.without_route.as_deref().unwrap_or_default();
        arm.map_or(settings, Arm::serves).to_owned()
    }
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("predict", Callers::Programs, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let body = PayloadConfig::new(config.body_max_bytes);
    let vertex = google.vertex()?;
    let documents = google.documents()?;
    let state = Arc::new(State {
        clock,
        without_route: config.without_route(&vertex),
        vertex,
        routes: RouteCache::new(documents.clone(), config.route_ttl),
        cache: Mutex::new(Cache::new(config.cache)),
        flights: Flights::default(),
        breakers: Breakers::default(),
        fallback_budget: FallbackBudget::new(config.fallback_share),
        documents,
        canaries: Mutex::default(),
        config,
    });
    drop(tokio::spawn(reporter::run(Arc::clone(&state))));
    let state = Data::new(state);
    Ok(move |app: &mut ServiceConfig| {
        // One handler for all paths: their grammar is a table of its own.
        app.app_data(state.clone())
            .app_data(body.clone())
            .default_service(web::to(apis::enter));
    })
}
