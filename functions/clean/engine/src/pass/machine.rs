//! How much of the machine a pass may use.

use std::num::NonZero;

/// Bytes of records up to which a dataset is decided about as a whole.
pub(super) const BUFFERED_BYTES_MAX: u64 = 24 << 20;

/// Default budget for distinct rows: enough for some 27 million.
const DEDUP_BYTES: usize = 1 << 30;

/// How much of the machine a pass may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Threads that process rows.
    pub threads: NonZero<usize>,
    /// Bytes for remembering distinct rows, to find duplicates. Past this they are written to
    /// temporary files, and a second pass is needed.
    pub dedup_bytes: usize,
    pub(super) buffer_bytes: u64,
}

impl Default for Machine {
    /// All cores.
    fn default() -> Self {
        let cores = std::thread::available_parallelism();
        Self::with_threads(cores.unwrap_or(NonZero::<usize>::MIN))
    }
}

impl Machine {
    /// The default budgets with this many threads.
    pub fn with_threads(threads: NonZero<usize>) -> Self {
        Self {
            threads,
            dedup_bytes: DEDUP_BYTES,
            buffer_bytes: BUFFERED_BYTES_MAX,
        }
    }

    /// Whether a dataset of `size` bytes is decided about at its end.
    pub(super) fn holds(self, size: Option<u64>) -> bool {
        size.is_some_and(|size| size <= self.buffer_bytes)
    }

    /// A machine that buffers next to nothing, for tests: to it, small datasets are large.
    pub fn tiny(threads: usize, buffer_bytes: u64) -> Self {
        Self {
            buffer_bytes,
            ..Self::with_threads(NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN))
        }
    }
}
