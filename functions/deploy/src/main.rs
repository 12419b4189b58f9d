//! `deploy`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run(
        "deploy",
        Callers::Pushes,
        deploy::Config::read,
        deploy::start,
    )
    .await
}
