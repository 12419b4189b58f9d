//! `lapidary`, from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
