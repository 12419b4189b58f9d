//! `lapidary`: the system on a laptop.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
