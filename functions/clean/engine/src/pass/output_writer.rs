//! The output files while they are being written.

use std::io;

use crate::{
    error::Error,
    meter::Crc32c,
    outputs::{OutputFile, OutputFileSummary, Outputs, Written},
};

/// Bytes collected before a part's writer is called, always as many: at places of the file that are
/// multiples of it, the system takes them in fewer and larger pieces. More at once gain nothing.
const BUFFER_BYTES: usize = 128 << 10;

/// The parts as they are being written; none are, where there is nowhere to write.
pub(crate) struct OutputWriters<'o> {
    outputs: Option<&'o mut dyn Outputs>,
    sheets: [Sheet; OutputFile::ALL.len()],
}

impl<'o> OutputWriters<'o> {
    pub(crate) fn new(outputs: Option<&'o mut dyn Outputs>) -> Self {
        Self {
            outputs,
            sheets: OutputFile::ALL.map(|_| Sheet::default()),
        }
    }

    /// Whether there is anywhere to write.
    pub(crate) fn is_writing(&self) -> bool {
        self.outputs.is_some()
    }

    /// Writes nothing more: another pass will.
    pub(crate) fn stop(&mut self) {
        self.outputs = None;
    }

    /// Appends `rows` rows that consist of `pieces`.
    pub(crate) fn write(
        &mut self,
        part: OutputFile,
        rows: u64,
        pieces: &[&[u8]],
    ) -> Result<(), Error> {
        let Some(outputs) = &mut self.outputs else {
            return Ok(());
        };
        let sheet = self.sheets.sheet(part);
        sheet.rows += rows;
        for piece in pieces {
            sheet.add(part, *outputs, piece)?;
        }
        Ok(())
    }

    /// Writes what is left; `None` where there was nowhere to write.
    pub(crate) fn finish(mut self) -> Result<Option<Written>, Error> {
        let Some(outputs) = self.outputs else {
            return Ok(None);
        };
        for part in OutputFile::ALL {
            self.sheets.sheet(part).flush(part, outputs)?;
            let flushed = outputs.part(part).flush();
            flushed.map_err(|source| Error::Write { part, source })?;
        }
        let [train, validation, eval, rejected, corrected] = self.sheets.map(Sheet::summary);
        Ok(Some(Written {
            train,
            validation,
            eval,
            rejected,
            corrected,
        }))
    }
}

trait Sheets {
    fn sheet(&mut self, part: OutputFile) -> &mut Sheet;
}

impl Sheets for [Sheet; OutputFile::ALL.len()] {
    fn sheet(&mut self, part: OutputFile) -> &mut Sheet {
        let [train, validation, eval, rejected, corrected] = self;
        match part {
            OutputFile::Train => train,
            OutputFile::Validation => validation,
            OutputFile::Eval => eval,
            OutputFile::Rejected => rejected,
            OutputFile::Corrected => corrected,
        }
    }
}

/// A part being written.
#[derive(Debug, Default)]
struct Sheet {
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
    crc32c: Crc32c,
}

impl Sheet {
    fn flush(&mut self, part: OutputFile, outputs: &mut dyn Outputs) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.put(part, outputs, &buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Adds `piece`; writes whenever the buffer is full.
    fn add(
        &mut self,
        part: OutputFile,
        outputs: &mut dyn Outputs,
        mut piece: &[u8],
    ) -> Result<(), Error> {
        loop {
            let room = BUFFER_BYTES.saturating_sub(self.buffer.len());
            let Some((fits, rest)) = piece.split_at_checked(room) else {
                self.buffer.extend_from_slice(piece);
                return Ok(());
            };
            self.buffer.extend_from_slice(fits);
            self.flush(part, outputs)?;
            piece = rest;
        }
    }

    fn put(
        &mut self,
        part: OutputFile,
        outputs: &mut dyn Outputs,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.crc32c = self.crc32c.append(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let written = outputs.part(part).write_all(bytes);
        written.map_err(|source: io::Error| Error::Write { part, source })
    }

    fn summary(self) -> OutputFileSummary {
        OutputFileSummary {
            rows: self.rows,
            bytes: self.bytes,
            crc32c: self.crc32c,
        }
    }
}
