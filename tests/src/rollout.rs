//! `rollout` under another name: a test knows the path of a binary of its own package only.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollout::cli::run()
}
