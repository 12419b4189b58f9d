//! What can stop a cleaning; a bad dataset is not an error but a [`Report`](crate::Report).

use std::io;

use thiserror::Error as Derive;

use crate::outputs::OutputFile;

/// Why a cleaning could not be carried through.
#[derive(Debug, Derive)]
pub enum Error {
    /// Try again: the bytes could not be had.
    #[error("the dataset cannot be read")]
    Read(#[source] io::Error),
    /// Try again: a part could not be put down.
    #[error("cannot write the output file `{file}`", file = file.name())]
    Write {
        /// The part that failed.
        file: OutputFile,
        /// What its writer said.
        #[source]
        source: io::Error,
    },
    /// Throw the parts away and start anew: the second pass read other bytes than the first.
    #[error("the dataset changed between two passes over it")]
    Changed,
    /// Correct the recipe: these settings contradict themselves.
    #[error("the cleaning settings cannot be used: {0}")]
    Settings(String),
    /// Cut the dataset up: it is larger than what can be counted.
    #[error("the dataset has more than {} lines", u32::MAX)]
    TooManyRows,
    /// Give the system room for passing files, or the cleaning more memory for repeats.
    #[error("rows that are too many to remember cannot be written to a passing file")]
    Spill(#[source] io::Error),
    /// Try again: what was judged of a range of bytes could not be put down.
    #[error("what was judged of a range cannot be written")]
    WriteFrames(#[source] io::Error),
    /// Judge this range again: what was put down of it is not whole, or not of this dataset.
    #[error("what was judged of range {range} cannot be used")]
    Frames {
        /// Which, from 0.
        range: usize,
        /// What is wrong with it.
        #[source]
        fault: FrameError,
    },
    /// A mistake of ours.
    #[error("the passes over the dataset do not come to an end")]
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
