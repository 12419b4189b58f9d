//! A pass over a dataset: reads every row once, decides about it, and writes it where it goes.
//!
//! Threads read batches in turn and judge them side by side; what they found is taken in the order
//! of the file, so the result does not depend on how many there are.
//!
//! A file that fits the [hold](HOLD_BYTES) is decided about at its end, exactly. In a larger one
//! rows go to training as they come, and only those early in the draw are kept aside for validation
//! and comparison: how many that will be is estimated from the rows in the hold. Where the estimate
//! was wrong, or a recipe asks for what only the end can tell, a second pass knows better.

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

/// Most passes: one to look, one that knows, one more where the second kept too few aside, and one
/// where rows are left out for want of room.
const PASSES_MAX: u32 = 5;

/// Looks at `source` without writing anything. `progress` is told the bytes read so far.
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

/// Looks at `source`, beginning with `plan`, without writing anything.
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
            Outcome::Again(better) => plan = better,
        }
    }
}

/// Reads `source` once, by a `plan` that is empty the first time, and writes what is decided to
/// `outputs`. `progress` is told the bytes read so far.
///
/// # Errors
/// [`Error::Settings`] before anything is read; [`Error::Read`] and [`Error::Write`] where a side
/// fails; [`Error::Changed`] where the bytes are not those that `plan` is about;
/// [`Error::TooManyRows`]. A bad dataset is no error.
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
    let mut records = Records::open(source, &settings.columns).map_err(Error::Read)?;
    // Of other files it does not tell how many rows are to come.
    let size = size.filter(|_| records.is_plain());
    let mut merger = Merger::new(settings, plan, size, machine, OutputWriters::new(outputs));
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
