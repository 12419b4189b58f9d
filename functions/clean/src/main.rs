//! `clean`, as Cloud Run starts it.

use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    // The container of the job has the same image as the service, and this argument.
    match std::env::args().nth(1).as_deref() {
        Some("task") => clean::run_task().await,
        _ => clean::run().await,
    }
}
