//! Starts the function, or one task of its job.

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    google::StartError,
    service::{self, Callers, Common, Running},
};

use crate::{
    config::Config,
    handler, reconcile,
    state::State,
    task::{self, TaskArgs},
};

/// Runs one task of the job that cleans large uploads.
pub fn run_task() -> Running {
    service::run_task("clean", TaskArgs::read, async |(config, task), common| {
        let state = State::connect(config, common).await?;
        task::run(state, task).await
    })
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("clean", Callers::Pushes, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let state = Data::new(State::connect(config, common).await?);
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .route("/", web::post().to(handler::object_finalized))
            .route("/tick", web::post().to(reconcile::tick));
    })
}
