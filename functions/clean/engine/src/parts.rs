//! The files that come out of a cleaning.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::{Error, meter::Crc32c};

/// Bytes collected before a part's writer is called, always as many: at places of the file that are
/// multiples of it, the system takes them in fewer and larger pieces. More at once gain nothing.
const BUFFER_BYTES: usize = 128 << 10;

/// A file that comes out of a cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Rows to be learnt.
    Train,
    /// Rows to watch the job by.
    Validation,
    /// Rows to compare base and tuned model with; each ends with the answer to compare with.
    Eval,
    /// Rows left out, with their reasons and their original bytes.
    Rejected,
    /// Rows that a rule repaired, with its reasons, as they were and as they are.
    Corrected,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [
        Self::Train,
        Self::Validation,
        Self::Eval,
        Self::Rejected,
        Self::Corrected,
    ];

    /// The word in reports and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
            Self::Rejected => "rejected",
            Self::Corrected => "corrected",
        }
    }
}

/// Where the parts go.
pub trait Outputs: Send {
    /// The writer of `part`; called for 128 KiB at a time, and less at the end.
    fn part(&mut self, part: Part) -> &mut dyn Write;
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The rows to be learnt.
    pub train: PartSummary,
    /// The rows to watch the job by.
    pub validation: PartSummary,
    /// The rows to compare models with.
    pub eval: PartSummary,
    /// The rows left out.
    pub rejected: PartSummary,
    /// The rows repaired.
    pub corrected: PartSummary,
}

/// One part as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// CRC32C of its bytes, as Cloud Storage states it.
    pub crc32c: Crc32c,
}

impl Written {
    /// What was written of `part`.
    pub fn part(&self, part: Part) -> &PartSummary {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Eval => &self.eval,
            Part::Rejected => &self.rejected,
            Part::Corrected => &self.corrected,
        }
    }
}

/// The parts as they are being written; none are, where there is nowhere to write.
pub(crate) struct Parts<'o> {
    outputs: Option<&'o mut dyn Outputs>,
    sheets: [Sheet; Part::ALL.len()],
}

impl<'o> Parts<'o> {
    pub(crate) fn new(outputs: Option<&'o mut dyn Outputs>) -> Self {
        Self {
            outputs,
            sheets: Part::ALL.map(|_| Sheet::default()),
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
    pub(crate) fn write(&mut self, part: Part, rows: u64, pieces: &[&[u8]]) -> Result<(), Error> {
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
        for part in Part::ALL {
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
    fn sheet(&mut self, part: Part) -> &mut Sheet;
}

impl Sheets for [Sheet; Part::ALL.len()] {
    fn sheet(&mut self, part: Part) -> &mut Sheet {
        let [train, validation, eval, rejected, corrected] = self;
        match part {
            Part::Train => train,
            Part::Validation => validation,
            Part::Eval => eval,
            Part::Rejected => rejected,
            Part::Corrected => corrected,
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
    fn flush(&mut self, part: Part, outputs: &mut dyn Outputs) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        self.put(part, outputs, &buffer)?;
        self.buffer = buffer;
        self.buffer.clear();
        Ok(())
    }

    /// Adds `piece`; writes whenever the buffer is full.
    fn add(
        &mut self,
        part: Part,
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

    fn put(&mut self, part: Part, outputs: &mut dyn Outputs, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.crc32c = self.crc32c.append(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let written = outputs.part(part).write_all(bytes);
        written.map_err(|source: io::Error| Error::Write { part, source })
    }

    fn summary(self) -> PartSummary {
        PartSummary {
            rows: self.rows,
            bytes: self.bytes,
            crc32c: self.crc32c,
        }
    }
}
