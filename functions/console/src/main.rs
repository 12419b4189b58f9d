//! `console`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("console", console::Config::read, console::start).await
}
