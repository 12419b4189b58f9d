//! `clean`, as Cloud Run starts it.

use std::process::ExitCode;

use shared::service::{self, Callers};

#[actix_web::main]
async fn main() -> ExitCode {
    service::run("clean", Callers::Pushes, clean::Config::read, clean::start).await
}
