//! Plans, prices and submits exactly one tuning job for a dataset version.

mod config;
mod effects;
mod handler;

pub mod advice;
pub mod defaults;
pub mod outlook;
pub mod permit;
pub mod plan;
pub mod plan_input;
pub mod planning;
mod purchase;
pub mod queue;
pub mod submission;
pub mod submit;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{
        StartError, documents::Documents, events::Events, objects::Objects, policies::PolicyObject,
        spend_book::SpendBook, vertex::Vertex,
    },
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
    objects: Objects,
    policy: PolicyObject,
    spend: SpendBook,
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
    let documents = google.documents()?;
    let objects = google.objects().await?;
    let state = Data::new(State {
        region: google.region().to_owned(),
        clock,
        policy: PolicyObject::new(objects.clone(), config.policy.clone()),
        spend: SpendBook::new(documents.clone()),
        documents,
        events: google.events(clock)?,
        objects,
        vertex: google.vertex()?,
        config,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/plan", web::post().to(handler::dataset_cleaned))
            .route("/submit", web::post().to(handler::run_approved));
    })
}
