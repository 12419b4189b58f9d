//! Identifies the bytes of a dataset as they were uploaded.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// SHA-256 of bytes that come piece by piece. The only place that knows which digest it is.
#[derive(Debug, Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest in hexadecimal.
    pub(super) fn finish(self) -> String {
        HEXLOWER.encode(&self.0.finalize())
    }
}
