//! `console`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run(
        "console",
        Callers::People,
        console::Config::read,
        console::start,
    )
    .await
}
