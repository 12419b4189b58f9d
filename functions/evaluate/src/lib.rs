//! Asks the base and the tuned model the same held-out prompts, scores both, and reports which is better and how certain that is.

mod ask;
mod claim;
mod config;
mod contest;
mod handler;
mod keep_report;
pub mod report;

pub mod answer;
pub mod compare;
pub mod sample;
pub mod shards;
pub mod turn;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, events::Events, objects::Objects, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

pub use crate::config::Config;

/// What the handler uses.
#[derive(Debug)]
struct State {
    config: Config,
    clock: Clock,
    documents: Documents,
    objects: Objects,
    events: Events,
    vertex: Vertex,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("evaluate", Callers::Pushes, Config::read, start)
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
        objects: google.objects().await?,
        events: google.events(clock)?,
        vertex: google.vertex()?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/", web::post().to(handler::run_finished));
    })
}
