//! Measures bytes as they are read: their number and their CRC32C.
//!
//! CRC32C because Cloud Storage states it for every object: with a report and an object one can
//! tell whether they belong together, without reading either again.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

/// CRC32C is Castagnoli's polynomial, which the library names after its first user, iSCSI.
const CRC: CrcAlgorithm = CrcAlgorithm::Crc32Iscsi;

/// The CRC32C of some bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Crc32c(u32);

impl Crc32c {
    /// The checksum of `bytes` that follow those of `self`.
    #[must_use]
    pub(crate) fn append(self, bytes: &[u8]) -> Self {
        // The state before the last step, which inverts all bits.
        let state = u64::from(!self.0);
        let mut digest = Digest::new_with_init_state(CRC, state);
        digest.update(bytes);
        Self::from_wide(digest.finalize())
    }

    /// The checksum of the bytes of `self` and, after them, the `length` bytes of `next`.
    #[must_use]
    pub(crate) fn join(self, next: Self, length: u64) -> Self {
        let (first, second) = (u64::from(self.0), u64::from(next.0));
        Self::from_wide(checksum_combine(CRC, first, second, length))
    }

    /// The checksum in the lower half of `wide`; the library returns 64 bits for all checksums.
    fn from_wide(wide: u64) -> Self {
        Self(u32::try_from(wide & u64::from(u32::MAX)).unwrap_or_default())
    }

    /// The checksum with this number.
    pub(crate) fn from_value(value: u32) -> Self {
        Self(value)
    }

    /// The checksum as a number.
    pub fn value(self) -> u32 {
        self.0
    }
}

impl From<Crc32c> for String {
    /// As Cloud Storage writes it: four bytes, the highest first, in base64.
    fn from(crc: Crc32c) -> Self {
        BASE64.encode(&crc.0.to_be_bytes())
    }
}

impl TryFrom<String> for Crc32c {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        let bytes = bytes.ok_or("a CRC32C is four bytes in base64")?;
        Ok(Self(u32::from_be_bytes(bytes)))
    }
}

/// The counts so far; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    counts: Arc<(AtomicU64, AtomicU32)>,
}

impl Meter {
    /// The number of bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.counts.0.load(Ordering::Relaxed)
    }

    /// Their checksum.
    pub(crate) fn crc32c(&self) -> Crc32c {
        Crc32c(self.counts.1.load(Ordering::Relaxed))
    }
}

/// A reader whose bytes are measured.
pub(crate) struct Metered<R> {
    read: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(crate) fn new(read: R, meter: Meter) -> Self {
        Self { read, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(into)?;
        let bytes = into.get(..count).unwrap_or_default();
        let crc32c = self.meter.crc32c().append(bytes);
        self.meter.counts.1.store(crc32c.0, Ordering::Relaxed);
        let length = u64::try_from(count).unwrap_or(u64::MAX);
        self.meter.counts.0.fetch_add(length, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_measured_as_cloud_storage_does() {
        let meter = Meter::default();
        let mut into = Vec::new();
        let mut read = Metered::new(&b"123456789"[..], meter.clone());
        read.read_to_end(&mut into).unwrap();
        assert_eq!((meter.bytes(), into.as_slice()), (9, &b"123456789"[..]));
        // The check value of CRC-32C in the catalogue of parametrised CRC algorithms.
        assert_eq!(meter.crc32c().value(), 0xE306_9283);
        assert_eq!(String::from(meter.crc32c()), "4waSgw==");
        assert_eq!(Crc32c::try_from("4waSgw==".to_owned()), Ok(meter.crc32c()));
        assert!(Crc32c::try_from("4waS".to_owned()).is_err());
    }
}
