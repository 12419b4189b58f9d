//! `lapidary serve FUNCTION`: runs one function in this process, exactly as its own binary does.

use std::{process::ExitCode, thread};

use futures::future::LocalBoxFuture;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::exit::CommandResult;

/// The names of the functions.
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

/// The functions that have a job.
const WITH_JOBS: [&str; 1] = ["clean"];

/// Runs `function` until a signal stops it or its parent process ends.
pub(crate) async fn serve(function: &str) -> CommandResult {
    let running: LocalBoxFuture<'_, ExitCode> = match function {
        "clean" => Box::pin(clean::run()),
        "tune" => Box::pin(tune::run()),
        "watch" => Box::pin(watch::run()),
        "early-stop" => Box::pin(early_stop::run()),
        "evaluate" => Box::pin(evaluate::run()),
        "deploy" => Box::pin(deploy::run()),
        "predict" => Box::pin(predict::run()),
        "console" => Box::pin(console::run()),
        other => return Err(unknown("function", other, &FUNCTIONS).into()),
    };
    stop_with_parent();
    Ok(running.await)
}

/// Runs one task of the job of `function`, exactly as its own binary does.
pub(crate) async fn task(function: &str) -> CommandResult {
    match function {
        "clean" => {
            stop_with_parent();
            Ok(clean::run_task().await)
        }
        other => Err(unknown("function with a job", other, &WITH_JOBS).into()),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    format!("no {what} `{name}`: expected one of {}", known.join(", "))
}

/// Ends this process by SIGTERM when standard input closes. The stack holds it open while it runs, so
/// even a stack that is killed leaves no function behind.
fn stop_with_parent() {
    thread::spawn(|| {
        let _end = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _gone = kill(Pid::this(), Signal::SIGTERM);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_function_is_refused_with_the_list_of_functions() {
        let refused = serve("paint").await.unwrap_err().to_string();
        assert!(refused.contains("`paint`"), "{refused}");
        for function in FUNCTIONS {
            assert!(refused.contains(function), "{refused}");
        }
        let refused = task("tune").await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "no function with a job `tune`: expected one of clean"
        );
    }
}
