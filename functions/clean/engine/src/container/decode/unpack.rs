//! Removes one level of compression, within limits.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use super::{Compression, Limits, tap::Tap};
use crate::{rule::Fault, rules};

/// Largest zstd window that is accepted, as a power of two: 128 MiB, which is what `zstd` itself
/// accepts without `--long`. A larger window would be held in memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// The decompressed bytes.
pub(super) struct Unpack<'r> {
    stage: DecoderStage<'r>,
    limits: Limits,
    expanded: u64,
    fault: Option<Fault>,
}

enum DecoderStage<'r> {
    Plain(Tap<'r>),
    Gzip(Box<MultiGzDecoder<Tap<'r>>>),
    Zstd(Box<zstd::Decoder<'static, Tap<'r>>>),
}

impl<'r> Unpack<'r> {
    pub(super) fn new(tap: Tap<'r>, compression: Compression, limits: Limits) -> io::Result<Self> {
        let stage = match compression {
            Compression::None => DecoderStage::Plain(tap),
            Compression::Gzip => DecoderStage::Gzip(Box::new(MultiGzDecoder::new(tap))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(tap)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                DecoderStage::Zstd(Box::new(decoder))
            }
        };
        Ok(Self {
            stage,
            limits,
            expanded: 0,
            fault: None,
        })
    }

    pub(super) fn compression(&self) -> Compression {
        match self.stage {
            DecoderStage::Plain(_) => Compression::None,
            DecoderStage::Gzip(_) => Compression::Gzip,
            DecoderStage::Zstd(_) => Compression::Zstd,
        }
    }

    /// Whether the data ends early or is invalid.
    pub(super) fn is_broken(&self) -> bool {
        self.fault.is_some()
    }

    /// Records that the text ends within a character.
    pub(super) fn cut(&mut self) {
        self.fault.get_or_insert_with(|| {
            Fault::new(&rules::truncated_file::RULE)
                .with_message("the file ends inside a character")
        });
    }

    /// Reads the rest, still compressed; returns why the data ends early.
    pub(super) fn finish(self) -> io::Result<Option<Fault>> {
        let tap = match self.stage {
            DecoderStage::Plain(tap) => tap,
            DecoderStage::Gzip(decoder) => decoder.into_inner(),
            DecoderStage::Zstd(decoder) => decoder.finish(),
        };
        tap.finish()?;
        Ok(self.fault)
    }

    fn tap(&self) -> &Tap<'r> {
        match &self.stage {
            DecoderStage::Plain(tap) => tap,
            DecoderStage::Gzip(decoder) => decoder.get_ref(),
            DecoderStage::Zstd(decoder) => decoder.get_ref(),
        }
    }

    /// The fault for a decompression error.
    fn explain(&self, error: &io::Error) -> Fault {
        let name = self.compression().name();
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Fault::new(&rules::truncated_file::RULE)
                .with_message(format!("the {name} data ends early: the file was cut off"));
        }
        Fault::new(&rules::damaged_file::RULE).with_message(format!(
            "the {name} data cannot be decompressed beyond this point: {error}"
        ))
    }
}

impl Read for Unpack<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Ok(0);
        }
        let read = match &mut self.stage {
            DecoderStage::Plain(tap) => return tap.read(into),
            DecoderStage::Gzip(decoder) => decoder.read(into),
            DecoderStage::Zstd(decoder) => decoder.read(into),
        };
        match read {
            Ok(count) => {
                self.expanded += u64::try_from(count).unwrap_or_default();
                self.fault = self.limits.check(self.tap().bytes(), self.expanded);
                Ok(count)
            }
            Err(error) if self.tap().failed() => Err(error),
            Err(error) => {
                self.fault = Some(self.explain(&error));
                Ok(0)
            }
        }
    }
}
