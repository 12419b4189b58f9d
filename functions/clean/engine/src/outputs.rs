//! The files that come out of a cleaning.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::meter::Crc32c;

/// A file that comes out of a cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFile {
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

impl OutputFile {
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
    /// The writer of `file`; called for 128 KiB at a time, and less at the end.
    fn writer(&mut self, file: OutputFile) -> &mut dyn Write;
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The rows to be learnt.
    pub train: OutputFileSummary,
    /// The rows to watch the job by.
    pub validation: OutputFileSummary,
    /// The rows to compare models with.
    pub eval: OutputFileSummary,
    /// The rows left out.
    pub rejected: OutputFileSummary,
    /// The rows repaired.
    pub corrected: OutputFileSummary,
}

/// One part as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFileSummary {
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// CRC32C of its bytes, as Cloud Storage states it.
    pub crc32c: Crc32c,
}

impl Written {
    /// What was written of `file`.
    pub fn file(&self, file: OutputFile) -> &OutputFileSummary {
        match file {
            OutputFile::Train => &self.train,
            OutputFile::Validation => &self.validation,
            OutputFile::Eval => &self.eval,
            OutputFile::Rejected => &self.rejected,
            OutputFile::Corrected => &self.corrected,
        }
    }
}
