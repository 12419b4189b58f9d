//! A row of one side of a diff, and where it is.

use std::fmt;

use clean_engine::Identity;
use serde::{Serialize, Serializer};

/// A row: its identity and its location. Its text is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowRef {
    pub(super) identity: Identity,
    pub(super) at: RowLocation,
}

/// The location of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowLocation {
    /// The file.
    pub(super) part: RowFile,
    /// Its line in the file, from 1; the number of the row where rows are not found by lines.
    pub(super) line: u32,
}

/// A file of rows of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowFile {
    /// A file that is not part of a version.
    Single,
    /// A file whose rows are not found by lines: an array, a table.
    Unlined,
    /// The rows to train on.
    Train,
    /// The rows to validate with during the job.
    Validation,
    /// The rows to evaluate models with.
    Eval,
}

impl RowFile {
    /// Whether it is a file of its own.
    pub(super) fn is_single(self) -> bool {
        matches!(self, Self::Single | Self::Unlined)
    }

    /// The files of a version.
    pub(super) const OF_VERSION: [Self; 3] = [Self::Train, Self::Validation, Self::Eval];

    /// Its name in the output.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "line",
            Self::Unlined => "row",
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
        }
    }
}

impl Serialize for RowFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for RowLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.part.name(), self.line)
    }
}

impl Serialize for RowLocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
