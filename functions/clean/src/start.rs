//! The function's clients and routes.

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{
        StartError, documents::Documents, events::Events, objects::Objects, run::Run,
        vertex::Vertex,
    },
    service::{self, Callers, Common, Running},
};

use crate::{
    Config, attend, handler,
    task::{self, Task},
};

/// What the handler uses.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) documents: Documents,
    pub(crate) objects: Objects,
    pub(crate) events: Events,
    pub(crate) vertex: Vertex,
    pub(crate) run: Run,
}

impl State {
    async fn connect(config: Config, common: Common) -> Result<Self, StartError> {
        let Common { clock, google } = common;
        Ok(Self {
            config,
            clock,
            documents: google.documents()?,
            objects: google.objects().await?,
            events: google.events(clock)?,
            vertex: google.vertex()?,
            run: google.run()?,
        })
    }
}

/// Runs one task of the job that cleans large uploads.
pub fn run_task() -> Running {
    service::run_task("clean", Task::read, async |(config, task), common| {
        let state = State::connect(config, common).await?;
        task::run(state, task).await
    })
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
    let state = Data::new(State::connect(config, common).await?);
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/", web::post().to(handler::object_finalized))
            .route("/tick", web::post().to(attend::tick));
    })
}
