//! `watch`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run("watch", Callers::Pushes, watch::Config::read, watch::start).await
}
