//! Polls the state and the loss curve of every live run once a minute, and repairs what a lost event left undone.

mod config;
#[cfg(test)]
mod fixtures;
mod handler;
mod isolated;
mod job_lists;
mod losses;
mod lost_uploads;
mod open_runs;
mod progress;
mod retirement;
mod scan;
mod settlement;
mod surplus_jobs;
mod sweep;
mod unannounced;
mod undecided;
mod undone;
mod unfollowed;
mod unplanned;

pub mod attempts;
pub mod ledger;
pub mod notify;
pub mod poll;
pub mod reconcile;
pub mod service_count;
pub mod spending;

use actix_web::web::{self, Data, ServiceConfig};
use shared::{
    clock::Clock,
    google::{
        StartError,
        documents::{Documents, PagePosition},
        events::Events,
        objects::Objects,
        policies::PolicyObject,
        spend_book::SpendBook,
        vertex::Vertex,
    },
    service::{self, Callers, Common, Running},
};

use tokio::sync::OnceCell;

pub use crate::config::Config;
use crate::{notify::Notifier, scan::PageScan, sweep::EndedJobs};

/// What the handler uses.
#[derive(Debug)]
struct State {
    config: Config,
    clock: Clock,
    documents: Documents,
    events: Events,
    vertex: Vertex,
    policy: PolicyObject,
    spend: SpendBook,
    ended: EndedJobs,
    objects: Objects,
    uploads: PageScan<String>,
    versions: PageScan<PagePosition>,
    ended_runs: PageScan<PagePosition>,
    waiting_runs: PageScan<PagePosition>,
    routes: PageScan<PagePosition>,
    /// Set once the queue has been indexed.
    indexed: OnceCell<()>,
}

/// Runs the function until the process is asked to stop.
pub fn run() -> Running {
    service::run("watch", Callers::Pushes, Config::read, start)
}

/// Creates the clients and returns the routes.
async fn start(
    config: Config,
    common: Common,
) -> Result<impl Fn(&mut ServiceConfig) + Send + Sync + 'static, StartError> {
    let Common { clock, google } = common;
    let notifier = Notifier::new(config.notify.clone(), clock, google.documents()?)?;
    let notifier = Data::new(notifier);
    let objects = google.objects().await?;
    let state = Data::new(State {
        policy: PolicyObject::new(objects.clone(), config.policy.clone()),
        objects,
        spend: SpendBook::new(google.documents()?),
        config,
        clock,
        documents: google.documents()?,
        events: google.events(clock)?,
        vertex: google.vertex()?,
        ended: EndedJobs::default(),
        uploads: PageScan::default(),
        versions: PageScan::default(),
        ended_runs: PageScan::default(),
        waiting_runs: PageScan::default(),
        routes: PageScan::default(),
        indexed: OnceCell::new(),
    });
    Ok(move |app: &mut ServiceConfig| {
        app.app_data(state.clone())
            .app_data(notifier.clone())
            .route("/", web::post().to(handler::tick))
            .route("/awaits", web::post().to(notify::run_awaits_approval))
            .route("/finished", web::post().to(notify::run_finished))
            .route("/evaluated", web::post().to(notify::run_evaluated));
    })
}
