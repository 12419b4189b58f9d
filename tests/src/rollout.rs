//! `rollout` under another name: cargo gives a test only the paths of binaries of its own package.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollout::cli::run()
}
