//! `early-stop`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    shared::service::run("early-stop", early_stop::Config::read, early_stop::start).await
}
