//! The function's clients and routes.

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{StartError, documents::Documents, events::Events, objects::Objects, vertex::Vertex},
    service::{self, Callers, Common, Running},
};

use crate::{Config, handler};

/// What the handler uses.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) documents: Documents,
    pub(crate) objects: Objects,
    pub(crate) events: Events,
    pub(crate) vertex: Vertex,
}

/// Runs the function until it is told to stop.
pub fn run() -> Running {
    service::run("clean", Callers::Pushes, Config::read, start)
}

/// Makes the clients and gives back the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let state = Data::new(State {
        config,
        clock,
        documents: google.documents().await?,
        objects: google.objects().await?,
        events: google.events(clock)?,
        vertex: google.vertex()?,
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/", web::post().to(handler::object_finalized));
    })
}
