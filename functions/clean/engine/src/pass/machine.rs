//! What of the machine a pass may use.

use std::num::NonZero;

/// Bytes of records up to which a dataset is decided about as a whole.
pub(super) const BUFFERED_BYTES_MAX: u64 = 24 << 20;

/// Bytes in which rows are remembered, unless told otherwise: some 27 million rows.
const DEDUP_BYTES: usize = 1 << 30;

/// What of the machine a pass may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Threads that judge rows.
    pub threads: NonZero<usize>,
    /// Bytes in which rows are remembered that might be repeated. Past this they are written to
    /// passing files, and a second pass is needed.
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
    /// So many threads.
    pub fn with_threads(threads: NonZero<usize>) -> Self {
        Self {
            threads,
            dedup_bytes: DEDUP_BYTES,
            buffer_bytes: BUFFERED_BYTES_MAX,
        }
    }

    /// A machine that holds next to nothing, for tests: small datasets are large to it.
    pub fn tiny(threads: usize, buffer_bytes: u64) -> Self {
        Self {
            buffer_bytes,
            ..Self::with_threads(NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN))
        }
    }
}
