//! `predict`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run(
        "predict",
        Callers::People,
        predict::Config::read,
        predict::start,
    )
    .await
}
