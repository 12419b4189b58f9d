//! A pass that many machines share: each judges a range of bytes, and one takes what they found
//! in order, as if it had judged it all.

use std::{io, ops::Range};

use super::{
    PASSES_MAX,
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
    pass::{machine::Machine, merger::Merger, outcome::Outcome, output_writer::OutputWriters},
    plan::Plan,
    processed::ProcessedBatch,
    row_processor::RowProcessor,
    settings::Settings,
    source::Source,
};

/// Whether the rows of `source` can be judged range by range: they are lines of plain text.
///
/// # Errors
/// Those of reading.
pub fn is_cuttable(source: &dyn Source, settings: &Settings) -> io::Result<bool> {
    Ok(source.size()?.is_some() && Records::open(source, &settings.columns)?.are_plain_lines())
}

/// The range of `size` bytes that is the `index`th of `count`, all nearly as long.
pub fn range_of(size: u64, index: u32, count: u32) -> Range<u64> {
    let edge = |index: u32| {
        let edge = u128::from(size) * u128::from(index) / u128::from(count.max(1));
        u64::try_from(edge).unwrap_or(size).min(size)
    };
    edge(index)..edge(index.saturating_add(1))
}

/// Judges the rows of `source` that start in `range` of its bytes, by what of `plan` is about
/// single rows, and writes frames of what was found to `out`.
///
/// The rows must be lines: see [`is_cuttable`].
///
/// # Errors
/// [`Error::Settings`] before anything is read; [`Error::Read`] and [`Error::WriteFrames`] where a side
/// fails.
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
    let mut lines = RangeLines::open(ranges, range.clone()).map_err(Error::Read)?;
    let processor = RowProcessor::new(settings, plan, Layout::Json, true);
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

/// Takes the frames of all ranges, in their order, as [`pass`](super::pass()) takes rows by the
/// same `plan`, and writes what is decided to `outputs`: the same bytes.
///
/// # Errors
/// As [`pass`](super::pass()); [`Error::Frames`] where frames are not whole, or not of ranges
/// side by side.
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

/// The length of what was judged, whose ranges are side by side.
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
