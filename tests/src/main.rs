//! `lapidary` under another name: the tests' stacks start their functions from this binary.
//!
//! Cargo gives a test only the paths of binaries of its own package, so this package has one.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
