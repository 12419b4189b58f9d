//! Arguments that several commands have.

use std::{num::NonZero, path::PathBuf};

use bytesize::ByteSize;
use clean_engine::Machine;
use shared::id::RunId;

use crate::session;

/// The stack that a command talks to.
#[derive(Debug, clap::Args)]
pub(crate) struct StackArgs {
    /// The file of addresses that `lapidary up` wrote.
    #[arg(long, value_name = "PATH", default_value = session::ENV_FILE)]
    pub(crate) env_file: PathBuf,
}

/// Who changes something, and on which stack.
#[derive(Debug, clap::Args)]
pub(crate) struct PersonArgs {
    /// The person who asks for it.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "cli", value_parser = person)]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// A name to be kept in a history: without one it would not say who.
fn person(name: &str) -> Result<String, &'static str> {
    match name.trim() {
        "" => Err("expected the name of a person"),
        name => Ok(name.to_owned()),
    }
}

/// A run, and who changes it for which reason. Both are kept in its history.
#[derive(Debug, clap::Args)]
pub(crate) struct RunChangeArgs {
    /// The run.
    pub(crate) run: RunId,
    /// The reason.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
}

/// The resources that cleaning may use. They do not change its output.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct CleaningLimits {
    /// Threads that process rows; the default is one for each core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Memory for the index that finds duplicate rows, such as 512MiB; a row takes about 35 bytes.
    /// Above it, rows are compared by way of temporary files, in a second pass.
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    dedup_memory: Option<ByteSize>,
}

impl CleaningLimits {
    /// The machine within these limits.
    pub(crate) fn machine(self) -> Machine {
        let mut machine = self
            .threads
            .map_or_else(Machine::default, Machine::with_threads);
        if let Some(size) = self.dedup_memory {
            machine.dedup_bytes = usize::try_from(size.as_u64()).unwrap_or(usize::MAX);
        }
        machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_a_name() {
        assert_eq!(
            person(" ada@example.com ").as_deref(),
            Ok("ada@example.com")
        );
        for blank in ["", "  ", "\t"] {
            assert!(person(blank).is_err(), "{blank:?}");
        }
    }
}
