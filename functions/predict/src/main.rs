//! `predict`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("predict", predict::Config::read, predict::start).await
}
