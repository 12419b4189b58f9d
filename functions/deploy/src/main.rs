//! `deploy`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("deploy", deploy::Config::read, deploy::start).await
}
