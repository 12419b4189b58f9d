//! A pass shared by many machines: each processes a range of bytes, and one merges the results in
//! order, with the same outcome as if it had processed everything.

use std::{io, ops::Range};

use super::{
    PASSES_MAX,
    machine::Machine,
    merger::Merger,
    outcome::Outcome,
    output_writer::OutputWriters,
    threads::{BatchSink, BatchSource, run},
};
use crate::{
    batch::Batch,
    container::{
        Compression, Container, DatasetEnd, Encoding, Layout, RangeEnd, RangeLines, Records,
    },
    error::{Error, FrameError},
    frames::{FrameReader, FrameWriter, NextFrame},
    meter::Crc32c,
    outputs::Outputs,
    plan::Plan,
    processed::ProcessedBatch,
    row_processor::RowProcessor,
    settings::Settings,
    source::Source,
};

/// Whether `source` can be processed in ranges: its rows must be lines of uncompressed UTF-8.
///
/// # Errors
/// Those of reading.
pub fn is_cuttable(source: &dyn Source, settings: &Settings) -> io::Result<bool> {
    Ok(source.size()?.is_some() && Records::open(source, settings)?.are_plain_lines())
}

/// The `index`th of `count` ranges of nearly equal length that make up `size` bytes.
pub fn range_of(size: u64, index: u32, count: u32) -> Range<u64> {
    let edge = |index: u32| {
        let edge = u128::from(size) * u128::from(index) / u128::from(count.max(1));
        u64::try_from(edge).unwrap_or(size).min(size)
    };
    edge(index)..edge(index.saturating_add(1))
}

/// Processes the rows of `source` that start in `range`, by the part of `plan` that is about single
/// rows, and writes the result to `out` as frames.
///
/// The rows must be lines: see [`is_cuttable`].
///
/// # Errors
/// [`Error::Settings`] before anything is read; [`Error::Read`] and [`Error::WriteFrames`] where
/// reading or writing fails.
pub fn process_range(
    source: &dyn Source,
    range: Range<u64>,
    settings: &Settings,
    plan: &Plan,
    machine: Machine,
    out: &mut (dyn io::Write + Send),
) -> Result<(), Error> {
    settings.check()?;
    let ranges = source.ranges().map_err(Error::Read)?;
    let held = machine.holds(Some(ranges.size()));
    let mut lines = RangeLines::open(ranges, range.clone()).map_err(Error::Read)?;
    let processor = RowProcessor::new(settings, plan, Layout::Json, true).comparing(held);
    let mut writer = FrameWriter::start(out, range).map_err(Error::WriteFrames)?;
    run(
        &mut lines,
        &processor,
        &mut writer,
        machine.threads,
        &mut |_| {},
    )?;
    let end = lines.finish().map_err(Error::Read)?;
    writer.end(end).map_err(Error::WriteFrames)
}

/// Merges the frames of all ranges, in order, and writes the same bytes to `outputs` as
/// [`pass`](super::pass()) would by the same `plan`.
///
/// # Errors
/// As [`pass`](super::pass()); [`Error::Frames`] where frames are truncated or corrupt, or their
/// ranges are not adjacent.
pub fn merge<S: Source>(
    ranges: &[S],
    settings: &Settings,
    plan: &Plan,
    machine: Machine,
    outputs: Option<&mut dyn Outputs>,
) -> Result<Outcome, Error> {
    settings.check()?;
    if plan.passes >= PASSES_MAX {
        return Err(Error::Unending);
    }
    let size = size(ranges)?;
    let mut merger = Merger::new(
        settings,
        plan,
        Some(size),
        machine,
        OutputWriters::new(outputs),
    );
    let mut whole = RangeEnd {
        bytes: 0,
        crc32c: Crc32c::default(),
    };
    for (range, source) in ranges.iter().enumerate() {
        let fault = |fault| Error::Frames { range, fault };
        let mut frames = open(source).map_err(fault)?;
        loop {
            match frames.next().map_err(fault)? {
                NextFrame::Batch(processed) => drop(merger.take(*processed)?),
                NextFrame::End(end) => {
                    whole.crc32c = whole.crc32c.join(end.crc32c, end.bytes);
                    whole.bytes += end.bytes;
                    break;
                }
            }
        }
    }
    if plan
        .bytes
        .is_some_and(|bytes| bytes != (whole.bytes, whole.crc32c))
    {
        return Err(Error::Changed);
    }
    merger.finish(&DatasetEnd {
        bytes: whole.bytes,
        crc32c: whole.crc32c,
        container: Container::Lines,
        compression: Compression::None,
        encoding: Encoding::Utf8,
        blank_lines: 0,
        fault: None,
        cause: None,
    })
}

/// The size of the dataset, whose ranges must be adjacent.
fn size<S: Source>(ranges: &[S]) -> Result<u64, Error> {
    let mut size = 0;
    for (range, source) in ranges.iter().enumerate() {
        let fault = |fault| Error::Frames { range, fault };
        let frames = open(source).map_err(fault)?;
        if frames.range.start != size || frames.range.end < size {
            return Err(fault(FrameError::Foreign("it is of another range")));
        }
        size = frames.range.end;
    }
    Ok(size)
}

fn open<S: Source>(source: &S) -> Result<FrameReader<'_>, FrameError> {
    let read = source.open().map_err(FrameError::Read)?;
    FrameReader::open(Box::new(io::BufReader::new(read)))
}

impl BatchSource for RangeLines {
    fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        self.fill(batch)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read()
    }
}

impl BatchSink for FrameWriter<'_> {
    fn take(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error> {
        self.batch(&processed).map_err(Error::WriteFrames)?;
        Ok(processed)
    }
}

#[cfg(test)]
mod tests;
