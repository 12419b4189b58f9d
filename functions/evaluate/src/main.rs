//! `evaluate`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("evaluate", evaluate::Config::read, evaluate::start).await
}
