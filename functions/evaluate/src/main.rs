//! `evaluate`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run(
        "evaluate",
        Callers::Pushes,
        evaluate::Config::read,
        evaluate::start,
    )
    .await
}
