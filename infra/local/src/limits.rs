//! What cleaning may take of this machine, as arguments.

use std::num::NonZero;

use bytesize::ByteSize;
use clean_engine::Machine;

/// What cleaning may take of this machine. None of it changes what comes out.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Limits {
    /// Threads that read and judge rows, in place of one for each core.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Memory in which rows are remembered to find repeats, like 512MiB; about 35 bytes a row.
    /// Past it rows are compared through passing files, in a second pass.
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    dedup_memory: Option<ByteSize>,
}

impl Limits {
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
