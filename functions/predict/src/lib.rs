//! Serves the routed model. Repeated requests are answered from a cache, requests that the tuned model answers with low
//! confidence by the base model, and every answer says which model gave it.

mod config;
mod handler;
mod route_cache;

pub mod cache;
pub mod choose;
pub mod confidence;
pub mod fingerprint;
pub mod last_good;

use std::sync::Mutex;

use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

pub use crate::config::Config;
use crate::{cache::Cache, route_cache::RouteCache};

/// What the handler uses.
#[derive(Debug)]
struct State {
    config: Config,
    clock: Clock,
    vertex: Vertex,
    routes: RouteCache,
    cache: Mutex<Cache>,
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
    let state = Data::new(State {
        clock,
        vertex: google.vertex()?,
        routes: RouteCache::new(google.documents()?, clock, config.route_ttl),
        cache: Mutex::new(Cache::new(config.cache)),
        config,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone()).app_data(body.clone()).route(
            "/v1/models/{model}:generateContent",
            web::post().to(handler::generate_content),
        );
    })
}
