//! A pass over a dataset: reads every row once, decides about it, and writes it where it belongs.
//!
//! Threads read batches in turn and process them in parallel. Their results are merged in the order
//! of the file, so the outcome does not depend on the number of threads.
//!
//! A file whose records fit the [buffer](machine::BUFFERED_BYTES_MAX) is decided about at its end,
//! exactly. In a larger one rows stream to training as they come, and only those drawn early are
//! reserved for validation and evaluation; how many that will be is estimated from the buffered
//! prefix. Where the estimate was wrong, or a recipe asks for what only the end of the file can
//! tell, the pass returns a [`Plan`] and is repeated with it.

pub(crate) mod machine;
pub(crate) mod outcome;

mod ranges;
mod threads;

mod finish;
mod merger;

mod buffer;
mod dedup;
mod held_out_rows;
mod histogram;
mod label_names;
mod labels;
mod languages;
mod near_duplicates;
mod output_writer;
mod prefix;
mod record_run;
mod reserve;
mod seen;
mod spill;
mod totals;

use std::io;

pub use self::{
    machine::Machine,
    outcome::{Cleaned, Outcome, Sample},
    ranges::{is_cuttable, merge, process_range, range_of},
};
use self::{
    merger::Merger,
    output_writer::OutputWriters,
    threads::{BatchSource, run},
};
use crate::{
    batch::Batch, container::Records, error::Error, outputs::Outputs, plan::Plan,
    settings::Settings, source::Source,
};

/// Most passes over one dataset: one to learn, one more where rows were compared on disk, one that
/// knows, one where that reserved too few rows, and one where rows are left out for lack of room.
/// More is a bug of ours.
const PASSES_MAX: u32 = 5;

/// Checks `source` without writing anything. `progress` is called with the bytes read so far.
///
/// # Errors
/// Those of [`pass`].
pub fn survey(
    source: &dyn Source,
    settings: &Settings,
    machine: Machine,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Cleaned, Error> {
    survey_by(Plan::default(), source, settings, machine, progress)
}

/// Checks `source`, starting with `plan`, without writing anything.
///
/// # Errors
/// Those of [`pass`].
pub fn survey_by(
    mut plan: Plan,
    source: &dyn Source,
    settings: &Settings,
    machine: Machine,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Cleaned, Error> {
    loop {
        match pass(source, settings, &plan, machine, None, progress)? {
            Outcome::Done(cleaned) => return Ok(*cleaned),
            Outcome::Again(better) => plan = *better,
        }
    }
}

/// Reads `source` once by `plan`, which is empty the first time, and writes the result to
/// `outputs`. `progress` is called with the bytes read so far.
///
/// # Errors
/// [`Error::Settings`] before anything is read; [`Error::Read`] and [`Error::Write`] where reading
/// or writing fails; [`Error::Changed`] where the bytes are not those that `plan` is about;
/// [`Error::TooManyRows`]. A bad dataset is not an error.
pub fn pass(
    source: &dyn Source,
    settings: &Settings,
    plan: &Plan,
    machine: Machine,
    outputs: Option<&mut dyn Outputs>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Outcome, Error> {
    settings.check()?;
    if plan.passes >= PASSES_MAX {
        return Err(Error::Unending);
    }
    let size = source.size().map_err(Error::Read)?;
    let mut records = Records::open(source, settings).map_err(Error::Read)?;
    // The size of a compressed file says nothing about the number of rows to come.
    let size = size.filter(|_| records.is_plain());
    let merger = Merger::new(settings, plan, size, machine, OutputWriters::new(outputs));
    let mut merger = merger.naming(records.numbers());
    let processor = merger.processor(records.layout());
    run(
        &mut records,
        &processor,
        &mut merger,
        machine.threads,
        progress,
    )?;
    let end = records.finish().map_err(Error::Read)?;
    progress(end.bytes);
    if plan
        .bytes
        .is_some_and(|bytes| bytes != (end.bytes, end.crc32c))
    {
        return Err(Error::Changed);
    }
    merger.finish(&end)
}

impl BatchSource for Records<'_> {
    fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        self.fill(batch)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read()
    }
}

#[cfg(test)]
pub(crate) mod tests;
