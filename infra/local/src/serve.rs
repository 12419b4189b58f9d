//! `lapidary serve FUNCTION`: one function in this process, exactly as its own binary runs it.

use std::{process::ExitCode, thread};

use futures::future::LocalBoxFuture;

use crate::cli::Outcome;

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

/// Those that have a job.
const WITH_JOBS: [&str; 1] = ["clean"];

/// Runs `function` until it is told to stop or its parent goes away.
pub(crate) async fn serve(function: &str) -> Outcome {
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
pub(crate) async fn task(function: &str) -> Outcome {
    match function {
        "clean" => {
            stop_with_parent();
            Ok(clean::run_task().await)
        }
        other => Err(unknown("function with a job", other, &WITH_JOBS).into()),
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    format!(
        "no {what} is called `{name}`; there are {}",
        known.join(", ")
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_is_no_functions_is_refused_with_those_that_are() {
        let refused = serve("paint").await.unwrap_err().to_string();
        assert!(refused.contains("`paint`"), "{refused}");
        for function in FUNCTIONS {
            assert!(refused.contains(function), "{refused}");
        }
        let refused = task("tune").await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "no function with a job is called `tune`; there are clean"
        );
    }
}
