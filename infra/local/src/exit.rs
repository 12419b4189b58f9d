//! How a command ends: the exit codes that commands share, and the result that each returns.

use std::{error::Error, process::ExitCode};

use shared::error::Chain;

use crate::output;

/// A file that cannot be used, or a project that cannot be inspected; also wrong usage, by clap.
pub(crate) const UNUSABLE: u8 = 2;
/// The code that shells use for a process that Ctrl-C stopped: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// The result of a command: its exit code, or an error to print before exit code 1.
pub(crate) type CommandResult = Result<ExitCode, Box<dyn Error>>;

/// Prints why something cannot be used or inspected; the exit code that says so.
pub(crate) fn unusable(error: &(dyn Error + 'static)) -> ExitCode {
    output::print_error(&Chain(error).to_string());
    ExitCode::from(UNUSABLE)
}
