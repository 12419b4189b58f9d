//! `early-stop`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run(
        "early-stop",
        Callers::Pushes,
        early_stop::Config::read,
        early_stop::start,
    )
    .await
}
