//! `watch`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("watch", watch::Config::read, watch::start).await
}
