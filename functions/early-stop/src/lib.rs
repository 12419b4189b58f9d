//! Confirms an alert from the loss curve of its run, and stops the run where the curve shows a fault.

mod claims;
mod config;
pub mod decide;
mod handler;
mod incidents;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

pub use crate::{config::Config, incidents::IncidentRecord};

/// What the handlers use.
#[derive(Debug)]
struct State {
    clock: Clock,
    documents: Documents,
    vertex: Vertex,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("early-stop", Callers::Pushes, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    _config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let state = Data::new(State {
        clock,
        documents: google.documents()?,
        vertex: google.vertex()?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/alert", web::post().to(handler::alert))
            .route("/unhealthy", web::post().to(handler::run_unhealthy));
    })
}
