//! How much a small upload may become.

use crate::{rule::Fault, rules};

/// Most bytes that compressed bytes may become. The service trains on 1 GB of text; 64 times as
/// much leaves room for wordy formats and rows that go, and is read within the hour a request has.
const EXPANDED_BYTES_MAX: u64 = 64 << 30;

/// Most bytes that one compressed byte may become, on average. Chat rows shrink to a tenth, rows
/// that repeat a long instruction to a hundredth; bombs of gzip reach 1:1032, of zstd 1:20,000.
const RATIO_MAX: u64 = 250;

/// Bytes from which on the ratio counts: few, made of next to nothing, are no harm.
const RATIO_FREE_BYTES: u64 = 64 << 20;

/// The limits that hold.
pub(in crate::container) const LIMITS: Limits = Limits {
    expanded_bytes_max: EXPANDED_BYTES_MAX,
    ratio_max: RATIO_MAX,
    ratio_free_bytes: RATIO_FREE_BYTES,
};

/// How much compressed bytes may become; tests set lower ones.
#[derive(Debug, Clone, Copy)]
pub(in crate::container) struct Limits {
    pub(in crate::container) expanded_bytes_max: u64,
    pub(in crate::container) ratio_max: u64,
    pub(in crate::container) ratio_free_bytes: u64,
}

impl Limits {
    /// `expands_too_much`, if `packed` bytes that became `expanded` are beyond a limit.
    pub(in crate::container) fn check(self, packed: u64, expanded: u64) -> Option<Fault> {
        let fault = || Fault::new(&rules::expands_too_much::RULE);
        if expanded > self.expanded_bytes_max {
            let most = self.expanded_bytes_max;
            return Some(fault().saying(format!("unpacked, the file is more than {most} bytes")));
        }
        let beyond = expanded > self.ratio_free_bytes && expanded / self.ratio_max > packed;
        beyond.then(|| {
            let most = self.ratio_max;
            fault().saying(format!(
                "{packed} bytes unpack to {expanded} and more: the most is {most} from each"
            ))
        })
    }
}
