//! `rollout`: a release, from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollout::cli::run()
}
