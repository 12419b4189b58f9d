//! Where judged batches are taken in order: compares rows with each other, and sends each to its
//! part.

use std::{collections::HashMap, ops::Range};

use super::{prefix::Prefix, threads::BatchSink, totals::Totals};
use crate::{
    container::Layout,
    dedup_index::{FirstLineLimits, Lookup},
    error::Error,
    findings::Findings,
    outputs::OutputFile,
    pass::{
        buffer::{BatchBuffer, BufferedBatch},
        dedup::Deduplicator,
        held_out_rows::{self, HeldOutTracker, KeptRow, Placement},
        machine::Machine,
        near_duplicates::{Joining, NearDuplicates},
        output_writer::OutputWriters,
        record_run::RecordRun,
        reserve::{Reserve, ReservedRow},
    },
    plan::Plan,
    processed::{ProcessedBatch, RowKind, RowSummary},
    row_processor::RowProcessor,
    rule::Fault,
    rules,
    settings::Settings,
    severity::Severity,
    sketch::Sketch,
    split::{self, Split},
    task::Task,
};

/// How many times as long as the hold a dataset must be to be surely larger, records or no records; then
/// so small a part of the hold is filled.
const PREFIX_ONE_IN: u64 = 3;

/// A pass under way.
pub(super) struct Merger<'s, 'o> {
    pub(super) settings: &'s Settings,
    pub(super) plan: &'s Plan,
    pub(super) outputs: OutputWriters<'o>,
    pub(super) stage: Stage,
    /// Length of the dataset, where it is known beforehand.
    size: Option<u64>,
    buffer_bytes: u64,
    /// Lines so far.
    pub(super) line: u64,
    pub(super) memory: Deduplicator<'s>,
    named: FirstLineLimits,
    pub(super) near: NearDuplicates,
    pub(super) findings: Findings,
    /// Questions answered in more than one way, where those are to be left out.
    pub(super) contradictions: HashMap<u64, (u32, u32)>,
    pub(super) reserve: Reserve,
    pub(super) held_out_rows: HeldOutTracker,
    pub(super) totals: Totals,
}

/// What is decided about rows to come.
pub(super) enum Stage {
    /// Nothing: rows are held.
    Buffering(BatchBuffer),
    /// All of it: rows go where they belong at once.
    Streaming(StreamPlan),
}

/// What is decided about rows to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamPlan {
    /// The task that the rows train.
    pub(super) task: Task,
    /// The turn in the draw from which on rows train.
    pub(super) train_from: u64,
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowOutcome {
    Rejected,
    Duplicate,
    Kept(KeptRow),
}

impl<'s, 'o> Merger<'s, 'o> {
    pub(super) fn new(
        settings: &'s Settings,
        plan: &'s Plan,
        size: Option<u64>,
        machine: Machine,
        outputs: OutputWriters<'o>,
    ) -> Self {
        Self {
            settings,
            plan,
            outputs,
            stage: Stage::Buffering(BatchBuffer::default()),
            size,
            buffer_bytes: match size {
                // It will not fit, so what is held only tells what the rest is like.
                Some(size) if size / PREFIX_ONE_IN > machine.buffer_bytes => {
                    machine.buffer_bytes / PREFIX_ONE_IN
                }
                Some(_) | None => machine.buffer_bytes,
            },
            line: 0,
            memory: Deduplicator::new(machine.dedup_bytes, plan.known.as_deref()),
            named: FirstLineLimits::of(settings),
            near: NearDuplicates::default(),
            findings: Findings::new(settings.findings_max),
            contradictions: HashMap::new(),
            reserve: Reserve::default(),
            held_out_rows: HeldOutTracker::default(),
            totals: Totals::default(),
        }
    }

    /// Who judges the rows that come here.
    pub(super) fn processor(&self, layout: Layout) -> RowProcessor<'s> {
        RowProcessor::new(self.settings, self.plan, layout, self.outputs.is_writing())
    }

    /// Takes the next batch; gives back what can be filled again.
    fn take_next(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error> {
        let base = self.line;
        self.line += processed.lines.counted;
        if u32::try_from(self.line).is_err() {
            return Err(Error::TooManyRows);
        }
        self.totals.note(&processed);
        match &mut self.stage {
            Stage::Streaming(course) => {
                let course = *course;
                let records = &processed.records;
                let batch = BufferedBatch {
                    processed: &processed,
                    records,
                    base,
                };
                self.stream(batch, course)?;
                Ok(processed)
            }
            Stage::Buffering(buffer) => {
                let spare = buffer.keep(processed, base);
                if buffer.bytes() > self.buffer_bytes {
                    self.stop_buffering()?;
                }
                Ok(spare)
            }
        }
    }

    /// Decides by the rows held what is done with all that are to come.
    fn stop_buffering(&mut self) -> Result<(), Error> {
        let buffer = self.stage.take();
        let prefix = Prefix::of(&buffer, self.buffer_bytes);
        let train_from = match (self.plan.draw_below, self.size) {
            (Some(turn), _) => turn,
            (None, Some(size)) => {
                let expected = prefix.extrapolate(size);
                let held_out = prefix.extrapolate_held_out(size, &self.plan.held_out);
                split::turn_of_training(expected, held_out, self.settings)
            }
            // Nothing to go by: this pass counts, the next one writes.
            (None, None) => 0,
        };
        let course = StreamPlan {
            task: prefix.task(),
            train_from,
        };
        self.stage = Stage::Streaming(course);
        buffer
            .iter()
            .try_for_each(|buffered| self.stream(buffered, course))
    }

    fn stream(&mut self, batch: BufferedBatch<'_>, course: StreamPlan) -> Result<(), Error> {
        let outcomes = self.decide(batch.processed, batch.base, course.task)?;
        let (seed, plan) = (self.settings.seed, self.plan);
        let mut held_out_rows = std::mem::take(&mut self.held_out_rows);
        let place = |kept: KeptRow| {
            let drawn = split::turn(kept.group, seed) < course.train_from;
            let trains = !drawn || plan.oversized_groups.contains(&kept.group);
            held_out_rows.place(kept, trains, plan)
        };
        let written = self.write(batch, &outcomes, place);
        self.held_out_rows = held_out_rows;
        written
    }

    /// Decides about everything that is held, knowing that it is all.
    pub(super) fn decide_buffered(&mut self, buffer: &BatchBuffer) -> Result<Task, Error> {
        let task = Prefix::of(buffer, u64::MAX).task();
        let mut asked = Vec::new();
        let mut decided = Vec::new();
        for BufferedBatch {
            processed, base, ..
        } in buffer.iter()
        {
            let outcomes = self.decide(processed, base, task)?;
            asked.extend(
                processed
                    .rows
                    .iter()
                    .zip(&outcomes)
                    .filter_map(|(row, outcome)| {
                        let RowOutcome::Kept(kept) = outcome else {
                            return None;
                        };
                        Some(split::DrawnRow {
                            input: kept.group,
                            bytes: row.record,
                            held_out: false,
                        })
                    }),
            );
            decided.push(outcomes);
        }
        // Some have joined others since.
        for row in &mut asked {
            row.input = self.near.group_of(row.input);
        }
        self.held_out_rows
            .regroup(|group| self.near.group_of(group));
        let mut placements = self
            .held_out_rows
            .placements(asked, self.settings)
            .into_iter();
        for (buffered, outcomes) in buffer.iter().zip(&decided) {
            self.write(buffered, outcomes, |_| {
                placements.next().unwrap_or(Placement::RESERVED)
            })?;
        }
        Ok(task)
    }

    /// Compares every row of `processed` with those before it.
    fn decide(
        &mut self,
        processed: &ProcessedBatch,
        base: u64,
        task: Task,
    ) -> Result<Vec<RowOutcome>, Error> {
        self.findings.merge(&processed.findings, base);
        let rejecting = task == Task::Generation
            && self.settings.severity(&rules::short_output::RULE) == Severity::Reject;
        if task == Task::Generation {
            self.findings.merge(&processed.short_findings, base);
        }
        let mut found = Findings::new(self.settings.findings_max);
        let mut outcomes = Vec::with_capacity(processed.rows.len());
        let mut sketches = processed.sketches.iter();
        for row in &processed.rows {
            let sketch = sketches.next().and_then(Option::as_ref);
            outcomes.push(match row.kind {
                RowKind::Rejected => RowOutcome::Rejected,
                RowKind::Short if rejecting => {
                    self.totals.rejected_short += 1;
                    RowOutcome::Rejected
                }
                RowKind::Short | RowKind::Label | RowKind::Brief | RowKind::Example => {
                    self.compare(row, sketch, base + row.line, &mut found)?
                }
            });
        }
        self.findings.merge(&found, 0);
        Ok(outcomes)
    }

    /// Compares an example with those before it.
    fn compare(
        &mut self,
        row: &RowSummary,
        sketch: Option<&Sketch>,
        line: u64,
        found: &mut Findings,
    ) -> Result<RowOutcome, Error> {
        let short_line = u32::try_from(line).unwrap_or(u32::MAX);
        let found_earlier = self
            .memory
            .check(row.input, row.output, short_line, self.named);
        if self.memory.is_spilling() {
            // Nothing that this pass writes is of use.
            self.outputs.stop();
        }
        let lookup = found_earlier.map_err(Error::Spill)?;
        match lookup {
            Lookup::New => {}
            Lookup::Repeat(first) => {
                let severity = self.settings.severity(&rules::duplicate::RULE);
                if severity != Severity::Off {
                    let message = format!("the row says the same as line {first}");
                    let fault = Fault::new(&rules::duplicate::RULE).saying(message);
                    found.add_at(fault, severity, line);
                }
                if severity == Severity::Reject {
                    return Ok(RowOutcome::Duplicate);
                }
            }
            Lookup::Contradiction(first) => {
                let severity = self.settings.severity(&rules::contradiction::RULE);
                if severity == Severity::Reject {
                    // Counted when they are left out, in the next pass.
                    let lines = (first, short_line);
                    self.contradictions.entry(row.input).or_insert(lines);
                } else if severity != Severity::Off {
                    let message = format!("the question of line {first} has another answer there");
                    let fault = Fault::new(&rules::contradiction::RULE).saying(message);
                    found.add_at(fault, severity, line);
                }
            }
        }
        self.totals.labels.count(row);
        let joining = match (&self.stage, lookup) {
            (Stage::Buffering(_), _) => Joining::All,
            (Stage::Streaming(_), Lookup::New) => Joining::New,
            // Rows that ask the same go together first of all.
            (Stage::Streaming(_), Lookup::Repeat(_) | Lookup::Contradiction(_)) => Joining::None,
        };
        let near = self.near.compare(sketch, row.input, joining, short_line);
        if let Some(first) = near.line {
            let severity = self.settings.severity(&rules::near_duplicate::RULE);
            let message = format!("the row says nearly the same as line {first}");
            let fault = Fault::new(&rules::near_duplicate::RULE).saying(message);
            found.add_at(fault, severity, line);
        }
        let held_out = self.held_out_rows.check(near.group, row.held_out);
        Ok(RowOutcome::Kept(KeptRow {
            group: near.group,
            held_out,
            bytes: row.record,
        }))
    }

    /// Writes every row where it belongs; those that `place` knows no place for are kept aside.
    fn write(
        &mut self,
        batch: BufferedBatch<'_>,
        outcomes: &[RowOutcome],
        mut place: impl FnMut(KeptRow) -> Placement,
    ) -> Result<(), Error> {
        let BufferedBatch {
            processed,
            records,
            base,
        } = batch;
        let mut run = RecordRun::default();
        let mut found = Findings::new(self.settings.findings_max);
        let (mut record_start, mut note_start) = (0, 0);
        for (row, outcome) in processed.rows.iter().zip(outcomes) {
            let record_at = range(&mut record_start, row.record);
            let note_at = range(&mut note_start, row.note);
            self.totals.rows.read += 1;
            let line = base + row.line;
            let note = processed.notes.get(note_at).unwrap_or_default();
            match outcome {
                RowOutcome::Duplicate => self.totals.rows.duplicate += 1,
                RowOutcome::Rejected => {
                    self.totals.rows.rejected += 1;
                    self.write_note(OutputFile::Rejected, line, note, None)?;
                }
                RowOutcome::Kept(kept) => {
                    let record = records.get(record_at.clone()).unwrap_or_default();
                    let placement = place(*kept);
                    placement.tell(line, self.settings, &mut found);
                    if placement.place == Some(Split::LeftOut) {
                        self.totals.rows.rejected += 1;
                        self.write_note(
                            OutputFile::Rejected,
                            line,
                            held_out_rows::NOTE,
                            Some(record),
                        )?;
                        continue;
                    }
                    self.totals.keep(row, line, record);
                    if row.kind != RowKind::Short && !note.is_empty() {
                        self.write_note(OutputFile::Corrected, line, note, Some(record))?;
                    }
                    let reserved = ReservedRow::of(row, kept.group);
                    match placement.place {
                        None => self.reserve.add(reserved, record),
                        Some(place) => {
                            self.totals.place(&reserved, place);
                            run.add(place.file(), record_at, records, &mut self.outputs)?;
                        }
                    }
                }
            }
        }
        self.findings.merge(&found, 0);
        run.end(records, &mut self.outputs)
    }

    /// Writes a note, which lacks its line; with the `record` of a row where the note has one.
    fn write_note(
        &mut self,
        file: OutputFile,
        line: u64,
        note: &[u8],
        record: Option<&[u8]>,
    ) -> Result<(), Error> {
        if !self.outputs.is_writing() {
            return Ok(());
        }
        let start = format!("{{\"line\":{line},");
        let note = note.strip_prefix(b"{").unwrap_or(note);
        match record {
            None => self.outputs.write(file, 1, &[start.as_bytes(), note]),
            Some(record) => {
                let note = note.strip_suffix(b"}\n").unwrap_or(note);
                let record = record.strip_suffix(b"\n").unwrap_or(record);
                let pieces = [start.as_bytes(), note, b",\"row\":", record, b"}\n"];
                self.outputs.write(file, 1, &pieces)
            }
        }
    }
}

impl BatchSink for Merger<'_, '_> {
    fn take(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error> {
        self.take_next(processed)
    }
}

/// The next `length` bytes.
fn range(start: &mut usize, length: u32) -> Range<usize> {
    let end = *start + usize::try_from(length).unwrap_or_default();
    let range = *start..end;
    *start = end;
    range
}

impl Stage {
    /// What is held; nothing is any more.
    pub(super) fn take(&mut self) -> BatchBuffer {
        match self {
            Self::Buffering(buffer) => std::mem::take(buffer),
            Self::Streaming(_) => BatchBuffer::default(),
        }
    }
}
