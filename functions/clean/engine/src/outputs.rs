//! The files that a cleaning writes.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::meter::Crc32c;

/// A file that a cleaning writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFile {
    /// Rows to train on.
    Train,
    /// Rows that the tuning job validates on.
    Validation,
    /// Rows to compare the base and the tuned model on; each ends with the expected answer.
    Eval,
    /// Rejected rows, with the reasons and their original bytes.
    Rejected,
    /// Rows that a rule repaired, with the reasons, before and after.
    Corrected,
}

impl OutputFile {
    /// Every file.
    pub const ALL: [Self; 5] = [
        Self::Train,
        Self::Validation,
        Self::Eval,
        Self::Rejected,
        Self::Corrected,
    ];

    /// The name in reports and file names.
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

/// Where the files go.
pub trait Outputs: Send {
    /// The writer of `file`; called with 128 KiB at a time, and with less at the end.
    fn writer(&mut self, file: OutputFile) -> &mut dyn Write;
}

/// A summary of every file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Rows to train on.
    pub train: OutputFileSummary,
    /// Rows that the tuning job validates on.
    pub validation: OutputFileSummary,
    /// Rows to compare models on.
    pub eval: OutputFileSummary,
    /// Rejected rows.
    pub rejected: OutputFileSummary,
    /// Repaired rows.
    pub corrected: OutputFileSummary,
}

/// A file as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFileSummary {
    /// Its number of rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// CRC32C of its bytes, as Cloud Storage states it.
    pub crc32c: Crc32c,
}

impl Written {
    /// The summary of `file`.
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
