//! Plans, prices and submits exactly one tuning job for a dataset version.

mod config;
mod handler;
pub mod plan;
pub mod submit;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, events::Events, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

pub use crate::config::Config;

/// What the handlers use.
#[derive(Debug)]
struct State {
    config: Config,
    region: String,
    clock: Clock,
    documents: Documents,
    events: Events,
    vertex: Vertex,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("tune", Callers::Pushes, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let state = Data::new(State {
        config,
        region: google.region().to_owned(),
        clock,
        documents: google.documents()?,
        events: google.events(clock)?,
        vertex: google.vertex()?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/plan", web::post().to(handler::dataset_cleaned))
            .route("/submit", web::post().to(handler::run_approved));
    })
}
