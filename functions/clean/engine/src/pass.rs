//! A pass over a dataset: reads every row once, decides about it, and writes it where it goes.
//!
//! Threads read batches in turn and judge them side by side; what they found is taken in the order
//! of the file, so the result does not depend on how many there are.
//!
//! A file that fits the [hold](HOLD_BYTES) is decided about at its end, exactly. In a larger one
//! rows go to training as they come, and only those early in the draw are kept aside for validation
//! and comparison: how many that will be is estimated from the rows in the hold. Where the estimate
//! was wrong, or a recipe asks for what only the end can tell, a second pass knows better.

mod desk;
mod finish;
mod histogram;
mod hold;
mod labels;
mod languages;
mod ledger;
mod memory;
mod near;
mod output_writer;
mod pool;
mod prefix;
mod run;
mod seen;
mod shared_work;
mod spill;
mod threads;
mod totals;
mod withheld;

use std::{io, num::NonZero};

use serde::{Deserialize, Serialize};

pub use self::shared_work::{is_cuttable, judge_range, merge, range_of};
use self::{
    desk::Desk,
    threads::{Batches, run},
};
pub(crate) use self::{ledger::Ledger, spill::Known};
use crate::{
    batch::Batch,
    container::Records,
    error::Error,
    json::{Node, Value, parse},
    outputs::{Outputs, Written},
    pass::output_writer::OutputWriters,
    plan::Plan,
    report::Report,
    settings::Settings,
    source::Source,
};

/// Bytes of records up to which a dataset is decided about as a whole.
const HOLD_BYTES: u64 = 24 << 20;

/// Bytes in which rows are remembered, unless told otherwise: some 27 million rows.
const DEDUP_BYTES: usize = 1 << 30;

/// Longest question or answer in a sample, in characters; a manifest is read by people.
const SAMPLE_CHARS_MAX: usize = 500;

/// Most passes: one to look, one that knows, one more where the second kept too few aside, and one
/// where rows are left out for want of room.
const PASSES_MAX: u32 = 5;

/// What of the machine a pass may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Threads that judge rows.
    pub threads: NonZero<usize>,
    /// Bytes in which rows are remembered that might be repeated. Past this they are written to
    /// passing files, and a second pass is needed.
    pub dedup_bytes: usize,
    hold_bytes: u64,
}

impl Default for Machine {
    /// All cores.
    fn default() -> Self {
        let cores = std::thread::available_parallelism();
        Self::with_threads(cores.unwrap_or(NonZero::<usize>::MIN))
    }
}

impl Machine {
    /// So many threads.
    pub fn with_threads(threads: NonZero<usize>) -> Self {
        Self {
            threads,
            dedup_bytes: DEDUP_BYTES,
            hold_bytes: HOLD_BYTES,
        }
    }

    /// A machine that holds next to nothing, for tests: small datasets are large to it.
    pub fn tiny(threads: usize, hold_bytes: u64) -> Self {
        Self {
            hold_bytes,
            ..Self::with_threads(NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN))
        }
    }
}

/// What a pass came to.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is decided, and written.
    Done(Box<Cleaned>),
    /// What was written is to be thrown away: another pass must go by this plan.
    Again(Plan),
}

/// A dataset, cleaned.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// What was found; holds no text of any row.
    pub report: Report,
    /// The first few kept pairs: *text of the dataset*, so for its manifest only, never for logs.
    pub samples: Vec<Sample>,
    /// What was written, if anything was.
    pub written: Option<Written>,
}

/// A pair of question and answer: text of the dataset, for its manifest and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The last question.
    pub input: String,
    /// The answer.
    pub output: String,
}

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
    let mut desk = Desk::new(settings, plan, size, machine, OutputWriters::new(outputs));
    let judge = desk.judge(records.layout());
    run(&mut records, &judge, &mut desk, machine.threads, progress)?;
    let end = records.finish().map_err(Error::Read)?;
    progress(end.bytes);
    if plan
        .bytes
        .is_some_and(|bytes| bytes != (end.bytes, end.crc32c))
    {
        return Err(Error::Changed);
    }
    desk.finish(&end)
}

impl Batches for Records<'_> {
    fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        self.fill(batch)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read()
    }
}

impl Sample {
    /// The last question and its answer of a row as it is written.
    fn of_record(record: &[u8]) -> Option<Self> {
        let row = parse(std::str::from_utf8(record).ok()?).ok()?.node.value;
        let turns = row.member("contents")?.elements();
        let text = |role: &str| {
            let is = |turn: &&Node<'_>| {
                let spoken = turn.value.member("role").and_then(Value::text);
                spoken.is_some_and(|spoken| spoken.escaped() == role)
            };
            let parts = turns
                .iter()
                .rev()
                .find(is)?
                .value
                .member("parts")?
                .elements();
            let mut texts = parts
                .iter()
                .filter_map(|part| part.value.member("text")?.text());
            Some(texts.next()?.chars().take(SAMPLE_CHARS_MAX).collect())
        };
        Some(Self {
            input: text("user").unwrap_or_default(),
            output: text("model").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
pub(crate) mod tests;
