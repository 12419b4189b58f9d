//! Limits on the size of a decompressed upload.

use crate::{rule::Fault, rules};

/// Most bytes that an upload may decompress to. The service trains on 1 GB of text; 64 times as
/// much leaves room for verbose formats and rejected rows, and can be read within the hour that a
/// request may take.
const EXPANDED_BYTES_MAX: u64 = 64 << 30;

/// Most bytes that one compressed byte may expand to, on average. Chat rows compress to a tenth,
/// rows that repeat a long instruction to a hundredth; bombs reach 1:1032 with gzip, 1:20,000 with
/// zstd.
const RATIO_MAX: u64 = 250;

/// Bytes from which on the ratio applies: smaller outputs do no harm, however well they compress.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// The limits in force.
pub(in crate::container) const LIMITS: Limits = Limits {
    expanded_bytes_max: EXPANDED_BYTES_MAX,
    ratio_max: RATIO_MAX,
    ratio_free_bytes: RATIO_FREE_BYTES,
};

/// How far an upload may expand; tests set lower limits.
#[derive(Debug, Clone, Copy)]
pub(in crate::container) struct Limits {
    pub(in crate::container) expanded_bytes_max: u64,
    pub(in crate::container) ratio_max: u64,
    pub(in crate::container) ratio_free_bytes: u64,
}

impl Limits {
    /// `expands_too_much`, if `compressed` bytes that became `expanded` bytes exceed a
    /// limit.
    pub(in crate::container) fn check(self, compressed: u64, expanded: u64) -> Option<Fault> {
        let fault = || Fault::new(&rules::expands_too_much::RULE);
        if expanded > self.expanded_bytes_max {
            let most = self.expanded_bytes_max;
            return Some(
                fault().with_message(format!("decompressed, the file exceeds {most} bytes")),
            );
        }
        let beyond = expanded > self.ratio_free_bytes && expanded / self.ratio_max > compressed;
        beyond.then(|| {
            let most = self.ratio_max;
            fault().with_message(format!(
                "{compressed} bytes decompress to at least {expanded}; \
                 the limit is {most} bytes for each compressed byte"
            ))
        })
    }
}
