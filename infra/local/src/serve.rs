//! `lapidary serve FUNCTION`: one function in this process, exactly as its own binary runs it.

use std::{process::ExitCode, thread};

use shared::service::{self, Callers};

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
        "clean" => service::run("clean", Callers::Pushes, clean::Config::read, clean::start).await,
        "tune" => service::run("tune", Callers::Pushes, tune::Config::read, tune::start).await,
        "watch" => service::run("watch", Callers::Pushes, watch::Config::read, watch::start).await,
        "early-stop" => {
            service::run(
                "early-stop",
                Callers::Pushes,
                early_stop::Config::read,
                early_stop::start,
            )
            .await
        }
        "evaluate" => {
            service::run(
                "evaluate",
                Callers::Pushes,
                evaluate::Config::read,
                evaluate::start,
            )
            .await
        }
        "deploy" => {
            service::run(
                "deploy",
                Callers::Pushes,
                deploy::Config::read,
                deploy::start,
            )
            .await
        }
        "predict" => {
            service::run(
                "predict",
                Callers::People,
                predict::Config::read,
                predict::start,
            )
            .await
        }
        "console" => {
            service::run(
                "console",
                Callers::People,
                console::Config::read,
                console::start,
            )
            .await
        }
        other => {
            tracing::error!("no function is called `{other}`");
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
