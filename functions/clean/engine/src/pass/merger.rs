//! Merges processed batches in order: compares rows with each other, and writes each where it
//! belongs.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use super::{
    buffer::{BatchBuffer, BufferedBatch},
    dedup::Deduplicator,
    held_out_rows::{self, HeldOutTracker, KeptRow, Placement},
    machine::Machine,
    near_duplicates::{Joining, NearDuplicates},
    output_writer::OutputWriters,
    prefix::{Answers, Prefix},
    record_run::RecordRun,
    reserve::{Reserve, ReservedRow},
    threads::BatchSink,
    totals::Totals,
};
use crate::{
    container::Layout,
    dedup_index::{FirstLineLimits, Lookup},
    error::Error,
    findings::{Findings, ListedCounts},
    outputs::OutputFile,
    plan::Plan,
    processed::{ProcessedBatch, RowKind, RowSummary},
    row_processor::RowProcessor,
    row_span::{RowNumbers, RowPosition},
    rule::Fault,
    rules,
    settings::Settings,
    severity::Severity,
    sketch::Sketch,
    split::{self, Split},
    task::Task,
};

/// How many times the size of the buffer a dataset must have to exceed it for sure, since records
/// can be smaller than rows. Of such a dataset only this fraction of the buffer is filled.
const PREFIX_ONE_IN: u64 = 3;

/// Of how many rows at most one may be in a group of rows that are nearly the same, where no recipe asks
/// for such groups: more are alike since they are made from one template, and must be split.
const ALIKE_ONE_IN: usize = 20;

/// Rows of a group that is not too large for any dataset.
const ALIKE_MIN: usize = 4;

/// A pass in progress.
pub(super) struct Merger<'s, 'o> {
    pub(super) settings: &'s Settings,
    /// How rows are found.
    pub(super) numbers: RowNumbers,
    pub(super) plan: &'s Plan,
    pub(super) outputs: OutputWriters<'o>,
    pub(super) stage: Stage,
    /// Size of the dataset, where it is known in advance.
    size: Option<u64>,
    buffer_bytes: u64,
    /// Whether the dataset is held in memory until its end, so that its rows are compared for
    /// near-duplicates in any case.
    held: bool,
    /// Lines merged so far.
    pub(super) line: u64,
    pub(super) dedup: Deduplicator<'s>,
    first_line_limits: FirstLineLimits,
    pub(super) near: NearDuplicates,
    pub(super) findings: Findings,
    /// How many findings the batches so far list.
    listed: ListedCounts,
    /// Questions with different answers, where a recipe rejects those.
    pub(super) contradictions: HashMap<u64, (u32, u32)>,
    pub(super) reserve: Reserve,
    pub(super) held_out_rows: HeldOutTracker,
    pub(super) totals: Totals,
}

/// Whether it is decided where rows go.
pub(super) enum Stage {
    /// Not yet: rows are buffered.
    Buffering(BatchBuffer),
    /// Yes: rows are written at once.
    Streaming(StreamPlan),
}

/// How rows are placed while streaming.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamPlan {
    /// What the answers of the rows are like.
    pub(super) answers: Answers,
    /// The turn in the draw from which on rows train.
    pub(super) train_from: u64,
}

/// What happened to a row.
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
            numbers: RowNumbers::Line,
            plan,
            outputs,
            stage: Stage::Buffering(BatchBuffer::default()),
            size,
            held: machine.holds(size),
            buffer_bytes: match size {
                // It will not fit, so the buffer only serves as a sample of the rest.
                Some(size) if size / PREFIX_ONE_IN > machine.buffer_bytes => {
                    machine.buffer_bytes / PREFIX_ONE_IN
                }
                Some(_) | None => machine.buffer_bytes,
            },
            line: 0,
            dedup: Deduplicator::new(machine.dedup_bytes, plan.dedup_index.as_deref()),
            first_line_limits: FirstLineLimits::of(settings),
            near: NearDuplicates::default(),
            findings: Findings::new(settings.findings_max),
            listed: ListedCounts::default(),
            contradictions: HashMap::new(),
            reserve: Reserve::default(),
            held_out_rows: HeldOutTracker::of(plan),
            totals: Totals::default(),
        }
    }

    /// The same, for rows that are found by such `numbers`.
    pub(super) fn naming(self, numbers: RowNumbers) -> Self {
        Self { numbers, ..self }
    }

    /// A processor of rows for this pass.
    pub(super) fn processor(&self, layout: Layout) -> RowProcessor<'s> {
        let enough = Arc::clone(&self.listed.enough);
        RowProcessor::new(self.settings, self.plan, layout, self.outputs.is_writing())
            .naming(self.numbers.clone())
            .comparing(self.held)
            .leaving_out(enough)
    }

    /// Merges the next batch; returns an allocation for reuse.
    fn take_next(&mut self, processed: ProcessedBatch) -> Result<ProcessedBatch, Error> {
        let base = self.line;
        self.line += processed.lines.counted;
        if u32::try_from(self.line).is_err() {
            return Err(Error::TooManyRows);
        }
        self.listed.add(&processed.findings);
        self.totals.note(&processed, self.settings);
        match &mut self.stage {
            Stage::Streaming(stream_plan) => {
                let stream_plan = *stream_plan;
                let records = &processed.records;
                let batch = BufferedBatch {
                    processed: &processed,
                    records,
                    base,
                };
                self.stream(batch, stream_plan)?;
                Ok(processed)
            }
            Stage::Buffering(buffer) => {
                let spare = buffer.keep(processed, base, self.outputs.is_writing());
                if buffer.bytes() > self.buffer_bytes {
                    self.stop_buffering()?;
                }
                Ok(spare)
            }
        }
    }

    /// Decides from the buffered rows how all rows to come are placed.
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
            // Without a size nothing can be estimated: this pass counts, and the next one writes.
            (None, None) => 0,
        };
        let stream_plan = StreamPlan {
            answers: prefix.answers(),
            train_from,
        };
        self.stage = Stage::Streaming(stream_plan);
        buffer
            .iter()
            .try_for_each(|buffered| self.stream(buffered, stream_plan))
    }

    fn stream(&mut self, batch: BufferedBatch<'_>, stream_plan: StreamPlan) -> Result<(), Error> {
        let outcomes = self.decide(batch.processed, batch.base, stream_plan.answers)?;
        let (seed, plan) = (self.settings.seed, self.plan);
        let mut held_out_rows = std::mem::take(&mut self.held_out_rows);
        let place = |kept: KeptRow| {
            let drawn = split::turn(kept.group, seed) < stream_plan.train_from;
            let trains = !drawn || plan.oversized_groups.contains(&kept.group);
            held_out_rows.place(kept, trains, plan)
        };
        let written = self.write(batch, &outcomes, place);
        self.held_out_rows = held_out_rows;
        written
    }

    /// Decides about all buffered rows, which are the whole dataset.
    pub(super) fn decide_buffered(&mut self, buffer: &BatchBuffer) -> Result<Task, Error> {
        let answers = Prefix::of(buffer, u64::MAX).answers();
        let mut asked = Vec::new();
        let mut decided = Vec::new();
        let mut earlier = EarlierQuestions::default();
        for BufferedBatch {
            processed, base, ..
        } in buffer.iter()
        {
            let outcomes = self.decide(processed, base, answers)?;
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
                            input: row.input,
                            bytes: row.record,
                            held_out: false,
                            declared: kept.declared,
                            pinned: false,
                        })
                    }),
            );
            earlier.add(processed, &outcomes);
            decided.push(outcomes);
        }
        let alike: Vec<u64> = asked
            .iter()
            .map(|row| self.near.group_of(row.input))
            .collect();
        if !self.asks_for_near_duplicates() {
            let most = if self.held_out_rows.groups.is_empty() {
                ALIKE_MIN.max(alike.len() / ALIKE_ONE_IN)
            } else {
                // What is held out is said by the file or earlier versions, question by question.
                0
            };
            self.near.take_apart(&alike, most);
        }
        // Groups may have been joined since a row was compared.
        for row in &mut asked {
            row.input = self.near.group_of(row.input);
        }
        let near = &self.near;
        self.held_out_rows.regroup(|group| near.group_of(group));
        // A question may have been held out only after the conversations in which it is asked.
        for (row, questions) in asked.iter().zip(earlier.rows()) {
            let questions: Vec<u64> = questions.iter().map(|q| near.group_of(*q)).collect();
            self.held_out_rows.join(row.input, &questions);
        }
        let placements = self.held_out_rows.placements(asked, self.settings);
        self.totals.near_leaks = near_leaks(&alike, &placements);
        let mut placements = placements.into_iter();
        for (buffered, outcomes) in buffer.iter().zip(&decided) {
            self.write(buffered, outcomes, |_| {
                placements.next().unwrap_or(Placement::RESERVED)
            })?;
        }
        Ok(answers.task)
    }

    /// Compares every row of `processed` with those before it. While rows stream, what they ask
    /// before their last question is remembered at once.
    fn decide(
        &mut self,
        processed: &ProcessedBatch,
        base: u64,
        answers: Answers,
    ) -> Result<Vec<RowOutcome>, Error> {
        self.findings.merge(&processed.findings, base);
        let is_fault = answers.task == Task::Generation && !answers.short_are_usual;
        let rejecting =
            is_fault && self.settings.severity(&rules::short_output::RULE) == Severity::Reject;
        if is_fault {
            self.findings.merge(&processed.short_findings, base);
        }
        let mut found = Findings::new(self.settings.findings_max);
        let mut outcomes = Vec::with_capacity(processed.rows.len());
        let mut sketches = processed.sketches.iter();
        let mut earlier_start = 0;
        for row in &processed.rows {
            let sketch = sketches.next().and_then(Option::as_ref);
            let earlier = range(&mut earlier_start, row.earlier);
            let earlier = processed.earlier.get(earlier).unwrap_or_default();
            outcomes.push(match row.kind {
                RowKind::Rejected => RowOutcome::Rejected,
                RowKind::Short if rejecting => {
                    self.totals.rejected_short += 1;
                    RowOutcome::Rejected
                }
                RowKind::Short
                | RowKind::Label
                | RowKind::Structured
                | RowKind::Brief
                | RowKind::Example => {
                    let position = row.position.below(base);
                    self.compare(row, sketch, earlier, position, &mut found)?
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
        earlier: &[u64],
        position: RowPosition,
        found: &mut Findings,
    ) -> Result<RowOutcome, Error> {
        let number = u32::try_from(position.number()).unwrap_or(u32::MAX);
        let found_earlier =
            self.dedup
                .check(row.input, row.answer_key(), number, self.first_line_limits);
        if self.dedup.is_spilling() {
            // Repeats are not found any more, so what this pass writes is useless.
            self.outputs.stop();
        }
        let lookup = found_earlier.map_err(Error::Spill)?;
        match lookup {
            Lookup::New => {}
            Lookup::Rewritten(first) => {
                let severity = self.settings.severity(&rules::near_duplicate::RULE);
                let message = format!("{}, written differently", self.name(first));
                let fault = Fault::new(&rules::near_duplicate::RULE).with_message(message);
                found.add_at(fault, severity, position);
            }
            Lookup::Repeat(first) => {
                let severity = self.settings.severity(&rules::duplicate::RULE);
                if severity != Severity::Off {
                    let message = format!("duplicate of {}", self.name(first));
                    let fault = Fault::new(&rules::duplicate::RULE).with_message(message);
                    found.add_at(fault, severity, position);
                }
                if severity == Severity::Reject {
                    return Ok(RowOutcome::Duplicate);
                }
            }
            Lookup::Contradiction(first) => {
                let severity = self.settings.severity(&rules::contradiction::RULE);
                if severity == Severity::Reject {
                    // Counted when the rows are left out, in the next pass.
                    let rows = (first, number);
                    self.contradictions.entry(row.input).or_insert(rows);
                } else if severity != Severity::Off {
                    let other = self.name(first);
                    let message = format!("the same question has a different answer on {other}");
                    let fault = Fault::new(&rules::contradiction::RULE).with_message(message);
                    found.add_at(fault, severity, position);
                }
            }
        }
        self.totals.labels.count(row);
        self.totals.label_names.count(row, position);
        let joining = match (&self.stage, lookup) {
            (Stage::Buffering(_), _) => Joining::All,
            (Stage::Streaming(_), Lookup::New) => Joining::New,
            // Rows with the same question must stay together, so they cannot join another group.
            (
                Stage::Streaming(_),
                Lookup::Repeat(_) | Lookup::Rewritten(_) | Lookup::Contradiction(_),
            ) => Joining::None,
        };
        // While rows stream, a group of rows that are all alike could not be taken apart any more.
        let is_compared = self.asks_for_near_duplicates() || joining == Joining::All;
        let sketch = sketch.filter(|_| is_compared);
        let near = self.near.compare(sketch, row.input, joining, number);
        if let Some(first) = near.number
            && !matches!(lookup, Lookup::Rewritten(_))
        {
            let severity = self.settings.severity(&rules::near_duplicate::RULE);
            let message = format!("near-duplicate of {}", self.name(first));
            let fault = Fault::new(&rules::near_duplicate::RULE).with_message(message);
            found.add_at(fault, severity, position);
        }
        let group = match joining {
            // The groups are known at the end.
            Joining::All => row.input,
            Joining::New | Joining::None => near.group,
        };
        let kept = self.held_out_rows.check(row, group, earlier);
        if let Stage::Streaming(stream_plan) = &self.stage
            && !kept.held_out
            && !earlier.is_empty()
        {
            let (seed, train_from) = (self.settings.seed, stream_plan.train_from);
            let is_drawn = |question| split::turn(question, seed) < train_from;
            self.held_out_rows.remember(earlier, is_drawn);
        }
        Ok(RowOutcome::Kept(kept))
    }

    /// Whether a recipe asks for near-duplicates.
    fn asks_for_near_duplicates(&self) -> bool {
        self.settings.severity(&rules::near_duplicate::RULE) != Severity::Off
    }

    /// The row with this number, for people.
    fn name(&self, number: u32) -> String {
        self.numbers.name(number.into())
    }

    /// Writes every row where it belongs; rows for which `place` returns no split are reserved.
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
            let position = row.position.below(base);
            let note = processed.notes.get(note_at).unwrap_or_default();
            match outcome {
                RowOutcome::Duplicate => self.totals.rows.duplicate += 1,
                RowOutcome::Rejected => {
                    self.totals.rows.rejected += 1;
                    self.write_note(OutputFile::Rejected, position, note, None)?;
                }
                RowOutcome::Kept(kept) => {
                    let record = records.get(record_at.clone()).unwrap_or_default();
                    let placement = place(*kept);
                    placement.report(position, self.settings, &mut found);
                    if placement.split == Some(Split::LeftOut) {
                        self.totals.rows.rejected += 1;
                        self.write_note(
                            OutputFile::Rejected,
                            position,
                            held_out_rows::NOTE,
                            Some(record),
                        )?;
                        continue;
                    }
                    self.totals.keep(row, position, record);
                    if row.kind != RowKind::Short && !note.is_empty() {
                        self.write_note(OutputFile::Corrected, position, note, Some(record))?;
                    }
                    let reserved = ReservedRow::of(row, kept.group);
                    match placement.split {
                        None => self.reserve.add(reserved, record),
                        Some(split) => {
                            self.totals.place(&reserved, split);
                            run.add(split.file(), record_at, records, &mut self.outputs)?;
                        }
                    }
                }
            }
        }
        self.findings.merge(&found, 0);
        run.end(records, &mut self.outputs)
    }

    /// Writes a note, which lacks the number of its row; appends the `record` of the row, if there is one.
    fn write_note(
        &mut self,
        file: OutputFile,
        position: RowPosition,
        note: &[u8],
        record: Option<&[u8]>,
    ) -> Result<(), Error> {
        if !self.outputs.is_writing() {
            return Ok(());
        }
        let start = self.numbers.note_start(position.number());
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

/// The number of rows for training in whose group, by the groups of rows that are `alike`, there is one
/// for evaluation.
fn near_leaks(alike: &[u64], placements: &[Placement]) -> u64 {
    let in_split = |wanted| {
        let rows = alike.iter().zip(placements);
        rows.filter(move |(_, placement)| placement.split == Some(wanted))
            .map(|(group, _)| *group)
    };
    let examined: HashSet<u64> = in_split(Split::Eval).collect();
    let leaking = in_split(Split::Train).filter(|group| examined.contains(group));
    u64::try_from(leaking.count()).unwrap_or(u64::MAX)
}

/// The earlier questions of kept rows, in order.
#[derive(Default)]
struct EarlierQuestions {
    questions: Vec<u64>,
    /// Where those of each row end.
    ends: Vec<usize>,
}

impl EarlierQuestions {
    /// Adds those of the kept rows of a batch.
    fn add(&mut self, processed: &ProcessedBatch, outcomes: &[RowOutcome]) {
        let mut start = 0;
        for (row, outcome) in processed.rows.iter().zip(outcomes) {
            let earlier = range(&mut start, row.earlier);
            if let RowOutcome::Kept(_) = outcome {
                let earlier = processed.earlier.get(earlier).unwrap_or_default();
                self.questions.extend_from_slice(earlier);
                self.ends.push(self.questions.len());
            }
        }
    }

    /// Those of each row.
    fn rows(&self) -> impl Iterator<Item = &[u64]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let range = std::mem::replace(&mut start, *end)..*end;
            self.questions.get(range).unwrap_or_default()
        })
    }
}

/// The next `length` elements.
fn range(start: &mut usize, length: u32) -> Range<usize> {
    let end = *start + usize::try_from(length).unwrap_or_default();
    let range = *start..end;
    *start = end;
    range
}

impl Stage {
    /// Takes the buffer out; an empty one where there is none.
    pub(super) fn take(&mut self) -> BatchBuffer {
        match self {
            Self::Buffering(buffer) => std::mem::take(buffer),
            Self::Streaming(_) => BatchBuffer::default(),
        }
    }
}
