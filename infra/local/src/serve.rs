//! `lapidary serve FUNCTION`: one function in this process, exactly as its own binary runs it.

use std::{process::ExitCode, thread};

use shared::service;

/// The functions, by name.
pub const FUNCTIONS: [&str; 8] = [
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
pub async fn serve(function: &str) -> ExitCode {
    stop_with_parent();
    match function {
        "clean" => service::run("clean", clean::Config::read, clean::start).await,
        "tune" => service::run("tune", tune::Config::read, tune::start).await,
        "watch" => service::run("watch", watch::Config::read, watch::start).await,
        "early-stop" => {
            service::run("early-stop", early_stop::Config::read, early_stop::start).await
        }
        "evaluate" => service::run("evaluate", evaluate::Config::read, evaluate::start).await,
        "deploy" => service::run("deploy", deploy::Config::read, deploy::start).await,
        "predict" => service::run("predict", predict::Config::read, predict::start).await,
        "console" => service::run("console", console::Config::read, console::start).await,
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
