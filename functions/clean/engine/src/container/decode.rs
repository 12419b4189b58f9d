//! Between the uploaded bytes and the text that rows are split from: decompresses and converts
//! UTF-16 to UTF-8, by the first bytes and never by a file's name.

mod limits;
mod named;
mod tap;
mod unpack;
mod utf16;

use std::io::{self, Read};

pub(super) use self::limits::{LIMITS, Limits};
use self::{named::NamedDecoder, tap::Tap, unpack::Unpack, utf16::Utf16};
use crate::rule::Fault;

/// Bytes needed to recognise compression and encoding.
const MARK_BYTES: usize = 4;

/// The compression of the uploaded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Uncompressed.
    None,
    /// Gzip, with one or more members.
    Gzip,
    /// Zstandard, with one or more frames.
    Zstd,
}

impl Compression {
    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn of(mark: &[u8]) -> Self {
        match mark {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // The second pattern is skippable frames; parallel compressors start a file with one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// The character encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, the usual case.
    Utf8,
    /// UTF-16 in either byte order, which Windows programs export as "Unicode text".
    Utf16,
    /// The one that a recipe names.
    Named(&'static str),
    /// Not text.
    Binary,
}

impl Encoding {
    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Named(name) => name,
            Self::Binary => "binary",
        }
    }
}

/// The text of a dataset; UTF-8 if the upload is sound.
///
/// Invalid data ends the text early and is recorded as a fault; an error is returned only if the
/// source itself fails.
pub(super) struct Decoder<'r> {
    unpack: Unpack<'r>,
    /// Examined and not yet returned.
    mark: Vec<u8>,
    utf16: Option<Utf16>,
    /// The decoder of another encoding, where a recipe names one and no mark says UTF-16.
    named: Option<NamedDecoder>,
}

impl<'r> Decoder<'r> {
    /// Reads the first bytes and selects decoders; `named` is the encoding that a recipe names.
    pub(super) fn open(
        read: Box<dyn Read + Send + 'r>,
        limits: Limits,
        named: Option<&'static encoding_rs::Encoding>,
    ) -> io::Result<Self> {
        let mut tap = Tap::new(read);
        let compression = Compression::of(tap.peek(MARK_BYTES)?);
        let mut unpack = Unpack::new(tap, compression, limits)?;
        let mut mark = vec![0; MARK_BYTES];
        let mut length = 0;
        while let Some(room) = mark.get_mut(length..).filter(|room| !room.is_empty()) {
            match unpack.read(room)? {
                0 => break,
                count => length += count,
            }
        }
        mark.truncate(length);
        let utf16 = Utf16::of(&mark);
        if let Some(utf16) = &utf16 {
            mark.drain(..utf16.mark_bytes());
        }
        let named = named.filter(|encoding| utf16.is_none() && *encoding != encoding_rs::UTF_8);
        Ok(Self {
            unpack,
            mark,
            utf16,
            named: named.map(NamedDecoder::new),
        })
    }

    /// The compression of the uploaded bytes.
    pub(super) fn compression(&self) -> Compression {
        self.unpack.compression()
    }

    /// The character encoding.
    pub(super) fn encoding(&self) -> Encoding {
        match (&self.utf16, &self.named) {
            (None, None) => Encoding::Utf8,
            (None, Some(named)) => Encoding::Named(named.name()),
            (Some(_), _) => Encoding::Utf16,
        }
    }

    /// Whether the text ended early.
    pub(super) fn is_broken(&self) -> bool {
        self.unpack.is_broken()
    }

    /// Reads the rest of the upload, without decoding it; returns why the text ended early.
    pub(super) fn finish(self) -> io::Result<Option<Fault>> {
        self.unpack.finish()
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut encoded = Encoded {
            mark: &mut self.mark,
            unpack: &mut self.unpack,
        };
        if let Some(named) = &mut self.named {
            return named.read(&mut encoded, into);
        }
        match &mut self.utf16 {
            None => encoded.read(into),
            Some(utf16) => {
                let count = utf16.read(&mut encoded, into)?;
                if count == 0 && utf16.is_cut() {
                    self.unpack.cut();
                }
                Ok(count)
            }
        }
    }
}

/// The decompressed bytes from the first on, including those already examined.
struct Encoded<'d, 'r> {
    mark: &'d mut Vec<u8>,
    unpack: &'d mut Unpack<'r>,
}

impl Read for Encoded<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.mark.is_empty() {
            return self.unpack.read(into);
        }
        let count = self.mark.as_slice().read(into)?;
        self.mark.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
