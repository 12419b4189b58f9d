//! Where judged batches are taken in order: compares rows with each other, and sends each to its
//! part.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use super::{
    Sample,
    histogram::Histogram,
    labels::Labels,
    languages::Languages,
    ledger::Ledger,
    memory::Memory,
    near::Near,
    pool::{Aside, Pool},
    seen::Meeting,
    threads::Taker,
    withheld::{self, Kept, Spot, Withheld},
};
use crate::{
    Error, HeldOut, Machine, Part, Plan, Rows, Settings, Severity, Splits, Task,
    container::Layout,
    finding::Fault,
    judged::{Fact, Judged, Kind},
    parts::Parts,
    row::Judge,
    rules,
    scan::sketch::Sketch,
    split::{self, Place, Total},
};

/// Pairs of question and answer shown as samples.
const SAMPLES_MAX: usize = 3;

/// A pass under way.
pub(super) struct Desk<'s, 'o> {
    pub(super) settings: &'s Settings,
    pub(super) plan: &'s Plan,
    pub(super) parts: Parts<'o>,
    pub(super) stage: Stage,
    /// Length of the dataset, where it is known beforehand.
    size: Option<u64>,
    hold_bytes: u64,
    /// Lines so far.
    pub(super) line: u64,
    pub(super) memory: Memory<'s>,
    pub(super) near: Near,
    pub(super) ledger: Ledger,
    /// Questions answered in more than one way, where those are to be left out.
    pub(super) contradictions: HashMap<u64, (u32, u32)>,
    pub(super) pool: Pool,
    pub(super) withheld: Withheld,
    pub(super) totals: Totals,
}

/// What is decided about rows to come.
pub(super) enum Stage {
    /// Nothing: rows are held.
    Holding {
        held: Vec<Held>,
        /// Bytes of their records.
        bytes: u64,
    },
    /// All of it: rows go where they belong at once.
    Streaming(Course),
}

/// A batch that is held, and the lines before it.
pub(super) struct Held {
    judged: Judged,
    base: u64,
}

/// What is decided about rows to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// What the rows teach.
    pub(super) task: Task,
    /// The turn in the draw from which on rows train.
    pub(super) train_from: u64,
}

/// Sums over all rows.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) rows: Rows,
    pub(super) splits: Splits,
    pub(super) blank_lines: u64,
    /// Rows left out for a short answer alone.
    pub(super) shorts: u64,
    /// Rows kept that have a system instruction.
    pub(super) systems: u64,
    pub(super) labels: Labels,
    pub(super) languages: Languages,
    /// The training part.
    pub(super) train: Total,
    /// All that is kept.
    pub(super) kept: Total,
    pub(super) tokens_input: Histogram,
    pub(super) tokens_output: Histogram,
    pub(super) billable: u64,
    pub(super) formats: BTreeMap<&'static str, u64>,
    pub(super) samples: Vec<Sample>,
    /// Whether any row was JSON.
    pub(super) readable: bool,
    /// What the first row looks like, should none be.
    pub(super) guess: Option<&'static str>,
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Rejected,
    Duplicate,
    Kept(Kept),
}

impl<'s, 'o> Desk<'s, 'o> {
    pub(super) fn new(
        settings: &'s Settings,
        plan: &'s Plan,
        size: Option<u64>,
        machine: Machine,
        parts: Parts<'o>,
    ) -> Self {
        Self {
            settings,
            plan,
            parts,
            stage: Stage::Holding {
                held: Vec::new(),
                bytes: 0,
            },
            size,
            hold_bytes: machine.hold_bytes,
            line: 0,
            memory: Memory::new(machine.dedup_bytes, plan.known.as_deref()),
            near: Near::default(),
            ledger: Ledger::new(settings.findings_max),
            contradictions: HashMap::new(),
            pool: Pool::default(),
            withheld: Withheld::default(),
            totals: Totals::default(),
        }
    }

    /// Who judges the rows that come here.
    pub(super) fn judge(&self, layout: Layout) -> Judge<'s> {
        Judge::new(self.settings, self.plan, layout, self.parts.is_writing())
    }

    /// Takes the next batch; gives it back once it is used up.
    fn take_next(&mut self, judged: Judged) -> Result<Option<Judged>, Error> {
        let base = self.line;
        self.line += judged.lines.counted;
        if u32::try_from(self.line).is_err() {
            return Err(Error::TooManyRows);
        }
        self.totals.note(&judged);
        match &mut self.stage {
            Stage::Streaming(course) => {
                let course = *course;
                self.stream(&judged, base, course)?;
                Ok(Some(judged))
            }
            Stage::Holding { held, bytes } => {
                *bytes += u64::try_from(judged.records.len()).unwrap_or_default();
                let full = *bytes > self.hold_bytes;
                held.push(Held { judged, base });
                if full {
                    self.stop_holding()?;
                }
                Ok(None)
            }
        }
    }

    /// Decides by the rows held what is done with all that are to come.
    fn stop_holding(&mut self) -> Result<(), Error> {
        let held = self.stage.take();
        let prefix = Prefix::of(&held, self.hold_bytes);
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
        let course = Course {
            task: prefix.task(),
            train_from,
        };
        self.stage = Stage::Streaming(course);
        for Held { judged, base } in held {
            self.stream(&judged, base, course)?;
        }
        Ok(())
    }

    fn stream(&mut self, judged: &Judged, base: u64, course: Course) -> Result<(), Error> {
        let fates = self.decide(judged, base, course.task)?;
        let (seed, plan) = (self.settings.seed, self.plan);
        let mut withheld = std::mem::take(&mut self.withheld);
        let place = |kept: Kept| {
            let drawn = split::turn(kept.group, seed) < course.train_from;
            let trains = !drawn || plan.crowds.contains(&kept.group);
            withheld.place(kept, trains, plan)
        };
        let written = self.write(judged, base, &fates, place);
        self.withheld = withheld;
        written
    }

    /// Decides about everything that is held, knowing that it is all.
    pub(super) fn settle(&mut self, held: &[Held]) -> Result<Task, Error> {
        let task = Prefix::of(held, u64::MAX).task();
        let mut asked = Vec::new();
        let mut decided = Vec::with_capacity(held.len());
        for Held { judged, base } in held {
            let fates = self.decide(judged, *base, task)?;
            asked.extend(judged.facts.iter().zip(&fates).filter_map(|(fact, fate)| {
                let Fate::Kept(kept) = fate else {
                    return None;
                };
                Some(split::Row {
                    input: kept.group,
                    bytes: fact.record,
                    held_out: false,
                })
            }));
            decided.push(fates);
        }
        let mut spots = self.withheld.spots(asked, self.settings).into_iter();
        for (Held { judged, base }, fates) in held.iter().zip(&decided) {
            self.write(judged, *base, fates, |_| {
                spots.next().unwrap_or(Spot::ASIDE)
            })?;
        }
        Ok(task)
    }

    /// Compares every row of `judged` with those before it.
    fn decide(&mut self, judged: &Judged, base: u64, task: Task) -> Result<Vec<Fate>, Error> {
        self.ledger.merge(&judged.ledger, base);
        let rejecting = task == Task::Generation
            && self.settings.severity(&rules::short_output::RULE) == Severity::Reject;
        if task == Task::Generation {
            self.ledger.merge(&judged.shorts, base);
        }
        let mut found = Ledger::new(self.settings.findings_max);
        let mut fates = Vec::with_capacity(judged.facts.len());
        let mut sketches = judged.sketches.iter();
        for fact in &judged.facts {
            let sketch = sketches.next().and_then(Option::as_ref);
            fates.push(match fact.kind {
                Kind::Rejected => Fate::Rejected,
                Kind::Short if rejecting => {
                    self.totals.shorts += 1;
                    Fate::Rejected
                }
                Kind::Short | Kind::Example => {
                    self.compare(fact, sketch, base + fact.line, &mut found)?
                }
            });
        }
        self.ledger.merge(&found, 0);
        Ok(fates)
    }

    /// Compares an example with those before it.
    fn compare(
        &mut self,
        fact: &Fact,
        sketch: Option<&Sketch>,
        line: u64,
        found: &mut Ledger,
    ) -> Result<Fate, Error> {
        let short_line = u32::try_from(line).unwrap_or(u32::MAX);
        let listed = self.settings.findings_max;
        let met = self
            .memory
            .meet(fact.input, fact.output, short_line, listed);
        if self.memory.is_spilling() {
            // Nothing that this pass writes is of use.
            self.parts.stop();
        }
        let meeting = met.map_err(Error::Spill)?;
        match meeting {
            Meeting::New => {}
            Meeting::Repeat(first) => {
                let severity = self.settings.severity(&rules::duplicate::RULE);
                if severity != Severity::Off {
                    let message = format!("the row says the same as line {first}");
                    let fault = Fault::new(&rules::duplicate::RULE).saying(message);
                    found.add_at(fault, severity, line);
                }
                if severity == Severity::Reject {
                    return Ok(Fate::Duplicate);
                }
            }
            Meeting::Contradiction(first) => {
                let severity = self.settings.severity(&rules::contradiction::RULE);
                if severity == Severity::Reject {
                    // Counted when they are left out, in the next pass.
                    let lines = (first, short_line);
                    self.contradictions.entry(fact.input).or_insert(lines);
                } else if severity != Severity::Off {
                    let message = format!("the question of line {first} has another answer there");
                    let fault = Fault::new(&rules::contradiction::RULE).saying(message);
                    found.add_at(fault, severity, line);
                }
            }
        }
        if fact.kind == Kind::Short {
            self.totals.labels.count(fact.output);
        }
        let is_new = meeting == Meeting::New;
        let near = self.near.meet(sketch, fact.input, is_new, short_line);
        if let Some(first) = near.line {
            let severity = self.settings.severity(&rules::near_duplicate::RULE);
            let message = format!("the row says nearly the same as line {first}");
            let fault = Fault::new(&rules::near_duplicate::RULE).saying(message);
            found.add_at(fault, severity, line);
        }
        let held_out = self.withheld.meet(near.group, fact.held_out);
        Ok(Fate::Kept(Kept {
            group: near.group,
            held_out,
            bytes: fact.record,
        }))
    }

    /// Writes every row where it belongs; those that `place` knows no place for are kept aside.
    fn write(
        &mut self,
        judged: &Judged,
        base: u64,
        fates: &[Fate],
        mut place: impl FnMut(Kept) -> Spot,
    ) -> Result<(), Error> {
        let mut run = Run::default();
        let mut found = Ledger::new(self.settings.findings_max);
        let (mut record_start, mut note_start) = (0, 0);
        for (fact, fate) in judged.facts.iter().zip(fates) {
            let record_at = range(&mut record_start, fact.record);
            let note_at = range(&mut note_start, fact.note);
            self.totals.rows.read += 1;
            let line = base + fact.line;
            let note = judged.notes.get(note_at).unwrap_or_default();
            match fate {
                Fate::Duplicate => self.totals.rows.duplicate += 1,
                Fate::Rejected => {
                    self.totals.rows.rejected += 1;
                    self.write_note(Part::Rejected, line, note, None)?;
                }
                Fate::Kept(kept) => {
                    let record = judged.records.get(record_at.clone()).unwrap_or_default();
                    let spot = place(*kept);
                    spot.tell(line, self.settings, &mut found);
                    if spot.place == Some(Place::Nowhere) {
                        self.totals.rows.rejected += 1;
                        self.write_note(Part::Rejected, line, withheld::NOTE, Some(record))?;
                        continue;
                    }
                    self.totals.keep(fact, line, record);
                    if fact.kind == Kind::Example && !note.is_empty() {
                        self.write_note(Part::Corrected, line, note, Some(record))?;
                    }
                    let aside = Aside::of(fact, kept.group);
                    match spot.place {
                        None => self.pool.add(aside, record),
                        Some(place) => {
                            self.totals.place(&aside, place);
                            run.add(place.part(), record_at, judged, &mut self.parts)?;
                        }
                    }
                }
            }
        }
        self.ledger.merge(&found, 0);
        run.end(judged, &mut self.parts)
    }

    /// Writes a note, which lacks its line; with the `record` of a row where the note has one.
    fn write_note(
        &mut self,
        part: Part,
        line: u64,
        note: &[u8],
        record: Option<&[u8]>,
    ) -> Result<(), Error> {
        if !self.parts.is_writing() {
            return Ok(());
        }
        let start = format!("{{\"line\":{line},");
        let note = note.strip_prefix(b"{").unwrap_or(note);
        match record {
            None => self.parts.write(part, 1, &[start.as_bytes(), note]),
            Some(record) => {
                let note = note.strip_suffix(b"}\n").unwrap_or(note);
                let record = record.strip_suffix(b"\n").unwrap_or(record);
                let pieces = [start.as_bytes(), note, b",\"row\":", record, b"}\n"];
                self.parts.write(part, 1, &pieces)
            }
        }
    }
}

impl Taker for Desk<'_, '_> {
    fn take(&mut self, judged: Judged) -> Result<Option<Judged>, Error> {
        self.take_next(judged)
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
    pub(super) fn take(&mut self) -> Vec<Held> {
        match self {
            Self::Holding { held, .. } => std::mem::take(held),
            Self::Streaming(_) => Vec::new(),
        }
    }
}

impl Totals {
    /// Takes over what a batch knows of itself.
    fn note(&mut self, judged: &Judged) {
        for (format, rows) in &judged.formats {
            *self.formats.entry(format).or_default() += rows;
        }
        self.blank_lines += judged.lines.blank;
        self.readable |= judged.readable;
        if !judged.facts.is_empty() {
            self.guess.get_or_insert(judged.guess);
        }
    }

    /// Counts a row that is kept.
    fn keep(&mut self, fact: &Fact, line: u64, record: &[u8]) {
        if let Some(language) = fact.language {
            self.languages.count(language, line);
        }
        self.rows.kept += 1;
        self.kept.rows += 1;
        self.systems += u64::from(fact.system);
        self.kept.bytes += u64::from(fact.record);
        self.tokens_input.add(fact.tokens_input);
        self.tokens_output.add(fact.tokens_output);
        if self.samples.len() < SAMPLES_MAX {
            self.samples.extend(Sample::of_record(record));
        }
    }

    /// Leaves out every row that was kept.
    pub(super) fn refuse(&mut self) {
        *self = Self {
            rows: Rows {
                kept: 0,
                rejected: self.rows.rejected + self.rows.kept,
                ..self.rows
            },
            formats: std::mem::take(&mut self.formats),
            blank_lines: self.blank_lines,
            readable: self.readable,
            guess: self.guess,
            ..Self::default()
        };
    }

    /// Counts a row where it goes.
    pub(super) fn place(&mut self, row: &Aside, place: Place) {
        match place {
            Place::Train => {
                self.splits.train += 1;
                self.train.rows += 1;
                self.train.bytes += u64::from(row.bytes);
                self.billable += u64::from(row.tokens_input) + u64::from(row.tokens_output);
            }
            Place::Validation => self.splits.validation += 1,
            Place::Eval => self.splits.eval += 1,
            Place::Nowhere => {}
        }
    }
}

impl Aside {
    fn of(fact: &Fact, group: u64) -> Self {
        Self {
            input: group,
            bytes: fact.record,
            tokens_input: fact.tokens_input,
            tokens_output: fact.tokens_output,
        }
    }
}

/// Records side by side that go to the same part: written at once.
#[derive(Debug, Default)]
struct Run {
    part: Option<Part>,
    rows: u64,
    records: Range<usize>,
}

impl Run {
    fn add(
        &mut self,
        part: Part,
        record: Range<usize>,
        judged: &Judged,
        parts: &mut Parts<'_>,
    ) -> Result<(), Error> {
        if self.part != Some(part) || self.records.end != record.start {
            self.end(judged, parts)?;
            self.part = Some(part);
            self.records = record.start..record.start;
        }
        self.rows += 1;
        self.records.end = record.end;
        Ok(())
    }

    fn end(&mut self, judged: &Judged, parts: &mut Parts<'_>) -> Result<(), Error> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.rows);
        let records = judged.records.get(self.records.clone()).unwrap_or_default();
        parts.write(part, rows, &[records])
    }
}

/// The first rows of a dataset, by which the rest is judged.
struct Prefix {
    /// Distinct examples.
    examples: Total,
    /// Bytes they and what is between them take in the dataset.
    raw: u64,
    labels: Labels,
    /// Those among the examples that ask what an earlier version holds out.
    held_out: u64,
}

impl Prefix {
    /// The rows of `held` up to so many bytes of records, repeats and all: what fills the hold, to
    /// the row, so that it does not matter how they were cut into batches.
    fn of(held: &[Held], bytes_max: u64) -> Self {
        let mut prefix = Self {
            examples: Total::default(),
            raw: 0,
            labels: Labels::default(),
            held_out: 0,
        };
        let mut seen = HashSet::new();
        let mut bytes = 0;
        for fact in held.iter().flat_map(|held| &held.judged.facts) {
            prefix.raw += u64::from(fact.raw);
            bytes += u64::from(fact.record);
            if fact.kind != Kind::Rejected && seen.insert((fact.input, fact.output)) {
                prefix.examples.rows += 1;
                prefix.examples.bytes += u64::from(fact.record);
                prefix.held_out += u64::from(fact.held_out);
                if fact.kind == Kind::Short {
                    prefix.labels.count(fact.output);
                }
            }
            if bytes > bytes_max {
                break;
            }
        }
        prefix
    }

    fn task(&self) -> Task {
        self.labels.task(self.examples.rows)
    }

    /// What a dataset of `size` bytes comes to if it goes on like this.
    fn extrapolate(&self, size: u64) -> Total {
        Total {
            rows: self.scale(self.examples.rows, size),
            bytes: self.scale(self.examples.bytes, size),
        }
    }

    /// How many rows of a dataset of `size` bytes ask what is held out: of a dataset that grew,
    /// mostly the first do, so never more than there are questions.
    fn extrapolate_held_out(&self, size: u64, held_out: &HeldOut) -> u64 {
        self.scale(self.held_out, size).min(held_out.rows())
    }

    fn scale(&self, part: u64, size: u64) -> u64 {
        let whole = u128::from(part) * u128::from(size) / u128::from(self.raw.max(1));
        u64::try_from(whole).unwrap_or(u64::MAX)
    }
}

impl Place {
    /// The part that rows of this place go to.
    pub(super) fn part(self) -> Part {
        match self {
            Self::Train => Part::Train,
            Self::Validation => Part::Validation,
            Self::Eval => Part::Eval,
            Self::Nowhere => Part::Rejected,
        }
    }
}
