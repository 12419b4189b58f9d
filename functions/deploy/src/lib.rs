//! The gate: moves the route to a tuned model only if its evaluation allows it, and its first callers fare no worse;
//! and records the way back.

pub mod canary;
mod config;
pub mod gate;
mod handler;
mod trial;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, events::Events, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

pub use crate::config::Config;

/// What the handler uses.
#[derive(Debug)]
struct State {
    config: Config,
    clock: Clock,
    documents: Documents,
    events: Events,
    vertex: Vertex,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("deploy", Callers::Pushes, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let state = Data::new(State {
        config,
        clock,
        documents: google.documents()?,
        events: google.events(clock)?,
        vertex: google.vertex()?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/", web::post().to(handler::run_evaluated))
            .route("/tick", web::post().to(trial::tick));
    })
}
