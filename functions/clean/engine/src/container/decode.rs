//! Between the bytes uploaded and the text that rows are cut from: takes compression off and makes
//! UTF-16 UTF-8, judging by the first bytes and never by a file's name.

mod limits;
mod tap;
mod unpack;
mod utf16;

use std::io::{self, Read};

pub(super) use self::limits::{LIMITS, Limits};
use self::{tap::Tap, unpack::Unpack, utf16::Utf16};
use crate::rule::Fault;

/// Bytes that tell compression and encoding apart.
const MARK_BYTES: usize = 4;

/// What the bytes uploaded are packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Nothing.
    None,
    /// Gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
}

impl Compression {
    /// The word in reports.
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
            // The second are frames to be skipped; tools that pack in parallel begin with one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// How characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As everywhere today.
    Utf8,
    /// As Windows exports "Unicode text"; in either order of bytes.
    Utf16,
    /// None: it is no text.
    Binary,
}

impl Encoding {
    /// The word in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
            Self::Binary => "binary",
        }
    }
}

/// The text of a dataset, as UTF-8 where the upload is sound.
///
/// Bytes that are bad end the text early and are remembered as a fault; an error is only what the
/// source itself fails with.
pub(super) struct Decoder<'r> {
    unpack: Unpack<'r>,
    /// Looked at and not yet given.
    mark: Vec<u8>,
    utf16: Option<Utf16>,
}

impl<'r> Decoder<'r> {
    /// Looks at the first bytes.
    pub(super) fn open(read: Box<dyn Read + Send + 'r>, limits: Limits) -> io::Result<Self> {
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
        Ok(Self {
            unpack,
            mark,
            utf16,
        })
    }

    /// What the bytes uploaded are packed in.
    pub(super) fn compression(&self) -> Compression {
        self.unpack.compression()
    }

    /// How characters are written.
    pub(super) fn encoding(&self) -> Encoding {
        match self.utf16 {
            None => Encoding::Utf8,
            Some(_) => Encoding::Utf16,
        }
    }

    /// Whether the text broke off.
    pub(super) fn is_broken(&self) -> bool {
        self.unpack.is_broken()
    }

    /// Reads what is left of the upload, without decoding it; says why the text breaks off.
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

/// The unpacked bytes from the first on, those looked at included.
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
