//! `tune`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run("tune", Callers::Pushes, tune::Config::read, tune::start).await
}
