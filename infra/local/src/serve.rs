//! `lapidary serve FUNCTION`: one function in this process, exactly as its own binary runs it.

use std::{process::ExitCode, thread};

/// The functions, by name.
pub(crate) const FUNCTIONS: [&str; 8] = [
    "clean",
    "tune",
    "watch",
    "early-stop",
    "evaluate",
    "deploy",
    "predict",
    "console",
];

/// Runs `function` until it is told to stop or its parent goes away.
pub(crate) async fn serve(function: &str) -> ExitCode {
    stop_with_parent();
    match function {
        "clean" => clean::run().await,
        "tune" => tune::run().await,
        "watch" => watch::run().await,
        "early-stop" => early_stop::run().await,
        "evaluate" => evaluate::run().await,
        "deploy" => deploy::run().await,
        "predict" => predict::run().await,
        "console" => console::run().await,
        other => {
            tracing::error!("no function is called `{other}`");
            ExitCode::FAILURE
        }
    }
}

/// Runs one task of the job of `function`, exactly as its own binary does.
pub(crate) async fn task(function: &str) -> ExitCode {
    stop_with_parent();
    match function {
        "clean" => clean::run_task().await,
        other => {
            tracing::error!("no function with a job is called `{other}`");
            ExitCode::FAILURE
        }
    }
}

/// Ends this process by SIGTERM once standard input closes: the stack holds it open as long as
/// it lives, so a stack that is killed leaves no function behind.
fn stop_with_parent() {
    thread::spawn(|| {
        let _end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let this = rustix::process::getpid();
        let _gone = rustix::process::kill_process(this, rustix::process::Signal::TERM);
    });
}
