//! Where judged batches are taken in order: compares rows with each other, and sends each to its
//! part.

use std::{collections::HashMap, ops::Range};

use super::{
    hold::{Held, Hold},
    ledger::Ledger,
    memory::Memory,
    near::{Joining, Near},
    pool::{Aside, Pool},
    prefix::Prefix,
    run::Run,
    seen::Meeting,
    spill::Named,
    threads::Taker,
    totals::Totals,
    withheld::{self, Kept, Spot, Withheld},
};
use crate::{
    Machine,
    container::Layout,
    error::Error,
    fault::Fault,
    judged::{Fact, Judged, Kind},
    outputs::OutputFile,
    pass::output_writer::OutputWriters,
    plan::Plan,
    row::Judge,
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
pub(super) struct Desk<'s, 'o> {
    pub(super) settings: &'s Settings,
    pub(super) plan: &'s Plan,
    pub(super) parts: OutputWriters<'o>,
    pub(super) stage: Stage,
    /// Length of the dataset, where it is known beforehand.
    size: Option<u64>,
    hold_bytes: u64,
    /// Lines so far.
    pub(super) line: u64,
    pub(super) memory: Memory<'s>,
    named: Named,
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
    Holding(Hold),
    /// All of it: rows go where they belong at once.
    Streaming(Course),
}

/// What is decided about rows to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The task that the rows train.
    pub(super) task: Task,
    /// The turn in the draw from which on rows train.
    pub(super) train_from: u64,
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
        parts: OutputWriters<'o>,
    ) -> Self {
        Self {
            settings,
            plan,
            parts,
            stage: Stage::Holding(Hold::default()),
            size,
            hold_bytes: match size {
                // It will not fit, so what is held only tells what the rest is like.
                Some(size) if size / PREFIX_ONE_IN > machine.hold_bytes => {
                    machine.hold_bytes / PREFIX_ONE_IN
                }
                Some(_) | None => machine.hold_bytes,
            },
            line: 0,
            memory: Memory::new(machine.dedup_bytes, plan.known.as_deref()),
            named: Named::of(settings),
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

    /// Takes the next batch; gives back what can be filled again.
    fn take_next(&mut self, judged: Judged) -> Result<Judged, Error> {
        let base = self.line;
        self.line += judged.lines.counted;
        if u32::try_from(self.line).is_err() {
            return Err(Error::TooManyRows);
        }
        self.totals.note(&judged);
        match &mut self.stage {
            Stage::Streaming(course) => {
                let course = *course;
                let records = &judged.records;
                let batch = Held {
                    judged: &judged,
                    records,
                    base,
                };
                self.stream(batch, course)?;
                Ok(judged)
            }
            Stage::Holding(hold) => {
                let spare = hold.keep(judged, base);
                if hold.bytes() > self.hold_bytes {
                    self.stop_holding()?;
                }
                Ok(spare)
            }
        }
    }

    /// Decides by the rows held what is done with all that are to come.
    fn stop_holding(&mut self) -> Result<(), Error> {
        let hold = self.stage.take();
        let prefix = Prefix::of(&hold, self.hold_bytes);
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
        hold.iter().try_for_each(|held| self.stream(held, course))
    }

    fn stream(&mut self, batch: Held<'_>, course: Course) -> Result<(), Error> {
        let fates = self.decide(batch.judged, batch.base, course.task)?;
        let (seed, plan) = (self.settings.seed, self.plan);
        let mut withheld = std::mem::take(&mut self.withheld);
        let place = |kept: Kept| {
            let drawn = split::turn(kept.group, seed) < course.train_from;
            let trains = !drawn || plan.crowds.contains(&kept.group);
            withheld.place(kept, trains, plan)
        };
        let written = self.write(batch, &fates, place);
        self.withheld = withheld;
        written
    }

    /// Decides about everything that is held, knowing that it is all.
    pub(super) fn settle(&mut self, hold: &Hold) -> Result<Task, Error> {
        let task = Prefix::of(hold, u64::MAX).task();
        let mut asked = Vec::new();
        let mut decided = Vec::new();
        for Held { judged, base, .. } in hold.iter() {
            let fates = self.decide(judged, base, task)?;
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
        // Some have joined others since.
        for row in &mut asked {
            row.input = self.near.group_of(row.input);
        }
        self.withheld.regroup(|group| self.near.group_of(group));
        let mut spots = self.withheld.spots(asked, self.settings).into_iter();
        for (held, fates) in hold.iter().zip(&decided) {
            self.write(held, fates, |_| spots.next().unwrap_or(Spot::ASIDE))?;
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
                Kind::Short | Kind::Label | Kind::Brief | Kind::Example => {
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
        let met = self
            .memory
            .meet(fact.input, fact.output, short_line, self.named);
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
        self.totals.labels.count(fact);
        let joining = match (&self.stage, meeting) {
            (Stage::Holding(_), _) => Joining::All,
            (Stage::Streaming(_), Meeting::New) => Joining::New,
            // Rows that ask the same go together first of all.
            (Stage::Streaming(_), Meeting::Repeat(_) | Meeting::Contradiction(_)) => Joining::None,
        };
        let near = self.near.meet(sketch, fact.input, joining, short_line);
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
        batch: Held<'_>,
        fates: &[Fate],
        mut place: impl FnMut(Kept) -> Spot,
    ) -> Result<(), Error> {
        let Held {
            judged,
            records,
            base,
        } = batch;
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
                    self.write_note(OutputFile::Rejected, line, note, None)?;
                }
                Fate::Kept(kept) => {
                    let record = records.get(record_at.clone()).unwrap_or_default();
                    let spot = place(*kept);
                    spot.tell(line, self.settings, &mut found);
                    if spot.place == Some(Split::Nowhere) {
                        self.totals.rows.rejected += 1;
                        self.write_note(OutputFile::Rejected, line, withheld::NOTE, Some(record))?;
                        continue;
                    }
                    self.totals.keep(fact, line, record);
                    if fact.kind != Kind::Short && !note.is_empty() {
                        self.write_note(OutputFile::Corrected, line, note, Some(record))?;
                    }
                    let aside = Aside::of(fact, kept.group);
                    match spot.place {
                        None => self.pool.add(aside, record),
                        Some(place) => {
                            self.totals.place(&aside, place);
                            run.add(place.part(), record_at, records, &mut self.parts)?;
                        }
                    }
                }
            }
        }
        self.ledger.merge(&found, 0);
        run.end(records, &mut self.parts)
    }

    /// Writes a note, which lacks its line; with the `record` of a row where the note has one.
    fn write_note(
        &mut self,
        part: OutputFile,
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
    fn take(&mut self, judged: Judged) -> Result<Judged, Error> {
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
    pub(super) fn take(&mut self) -> Hold {
        match self {
            Self::Holding(hold) => std::mem::take(hold),
            Self::Streaming(_) => Hold::default(),
        }
    }
}
