//! What can stop a cleaning. A bad dataset is not an error but a [`Report`](crate::Report).

use std::io;

use thiserror::Error as Derive;

use crate::outputs::OutputFile;

/// Why a cleaning failed; each variant starts with what to do.
#[derive(Debug, Derive)]
pub enum Error {
    /// Try again: the source failed.
    #[error("cannot read the dataset")]
    Read(#[source] io::Error),
    /// Try again: an output failed.
    #[error("cannot write the output file `{file}`", file = file.name())]
    Write {
        /// The file that failed.
        file: OutputFile,
        /// The error of its writer.
        #[source]
        source: io::Error,
    },
    /// Discard the outputs and start again: the second pass read other bytes than the first.
    #[error("the dataset changed between two passes over it")]
    Changed,
    /// Correct the recipe: its settings are invalid.
    #[error("invalid cleaning settings: {0}")]
    Settings(String),
    /// Split the dataset: it has more lines than can be counted.
    #[error("the dataset has more than {} lines", u32::MAX)]
    TooManyRows,
    /// Free some disk space for temporary files, or give the cleaning more memory for distinct
    /// rows.
    #[error("cannot spill the rows to compare to a temporary file")]
    Spill(#[source] io::Error),
    /// Try again: the processed rows of a range could not be written.
    #[error("cannot write the processed rows of a range")]
    WriteFrames(#[source] io::Error),
    /// Process this range again: its file is truncated or corrupt, or about other bytes.
    #[error("cannot use the processed rows of range {range}")]
    Frames {
        /// Number of the range, from 0.
        range: usize,
        /// What is wrong with the file.
        #[source]
        fault: FrameError,
    },
    /// A bug of ours.
    #[error("the passes over the dataset do not end: this is a bug")]
    Unending,
}

/// Why an intermediate file cannot be used.
#[derive(Debug, Derive)]
pub enum FrameError {
    /// Reading it failed.
    #[error("the intermediate file cannot be read")]
    Read(#[source] io::Error),
    /// It has no end frame.
    #[error("the intermediate file is truncated")]
    Cut,
    /// Its bytes were changed.
    #[error("a frame does not match its checksum")]
    Checksum,
    /// It is a different kind of file, or written by another version of the code.
    #[error("unsupported intermediate file: {0}")]
    Foreign(&'static str),
}
