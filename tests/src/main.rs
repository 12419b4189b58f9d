//! `lapidary` under another name: the binary that the tests' stacks start their functions from.
//!
//! A test knows the path of a binary of its own package only, so this package has one.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
