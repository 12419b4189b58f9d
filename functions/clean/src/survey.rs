//! The first pass: reads everything once, decides about every row, and plans the split.
//!
//! Memory: about 64 bytes per distinct row and one per rejected row, whatever their length.

mod decide;
mod finish;
mod ledger;

use std::collections::{BTreeMap, HashMap, hash_map};

use serde::{Deserialize, Serialize};

pub(crate) use self::decide::Disposition;
use self::{
    decide::{Entry, Labels},
    ledger::Ledger,
};
use crate::{
    Error, Report, Settings, Severity, Source,
    container::{Head, Records, guess_text},
    example::{Example, Role},
    finding::Fault,
    row::{Judge, Judgement},
    rules::{self, short_output::is_short},
};

/// Most rows: they are numbered with 32 bits. The service takes 10,000,000.
pub(crate) const ROWS_MAX: u32 = u32::MAX;

/// Pairs of question and answer shown as samples.
const SAMPLES_MAX: usize = 3;

/// Longest question or answer in a sample, in characters; a manifest is read by people.
const SAMPLE_CHARS_MAX: usize = 500;

/// Everything the first pass found, and the plan for the second.
#[derive(Debug)]
pub struct Survey {
    report: Report,
    samples: Vec<Sample>,
    settings: Settings,
    plan: Vec<Disposition>,
}

/// A pair of question and answer: text of the dataset, for its manifest and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The last question.
    pub input: String,
    /// The answer.
    pub output: String,
}

impl Survey {
    /// What was found; holds no text of any row.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The first few kept pairs: *text of the dataset*, so for its manifest only, never for logs.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The settings it went by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is decided about every row, in their order.
    pub(crate) fn plan(&self) -> &[Disposition] {
        &self.plan
    }
}

/// Reads `source` once and decides about every row. `progress` is told the bytes read so far.
///
/// # Errors
/// [`Error::Settings`] before anything is read; [`Error::Read`] where `source` fails;
/// [`Error::TooManyRows`]. A bad dataset is no error.
pub fn survey(
    source: &dyn Source,
    settings: &Settings,
    progress: &mut dyn FnMut(u64),
) -> Result<Survey, Error> {
    settings.check()?;
    let mut records = Records::open(source).map_err(Error::Read)?;
    let mut judge = Judge::new(settings, records.layout());
    let mut pass = Pass::new(settings);
    let mut told = 0;
    while let Some(head) = records.advance().map_err(Error::Read)? {
        if pass.rows.len() >= usize::try_from(ROWS_MAX).unwrap_or(usize::MAX) {
            return Err(Error::TooManyRows);
        }
        pass.add(&mut judge, head, records.bytes());
        if records.bytes_read() != told {
            told = records.bytes_read();
            progress(told);
        }
    }
    let container = records.container();
    let blank_lines = records.blank_lines();
    let end = records.finish().map_err(Error::Read)?;
    progress(end.bytes);
    Ok(pass.finish(container, blank_lines, end))
}

/// The first pass under way.
struct Pass<'s> {
    settings: &'s Settings,
    /// What is decided about every row read so far.
    rows: Vec<Disposition>,
    /// The candidates among them, in their order.
    entries: Vec<Entry>,
    /// The line of each distinct record.
    seen: HashMap<[u8; 16], u32>,
    labels: Labels,
    ledger: Ledger,
    /// What was found about short answers, should they turn out to be no labels.
    shorts: Ledger,
    /// What was found about repeats of short answers, should they turn out to be labels.
    short_repeats: Ledger,
    formats: BTreeMap<&'static str, u64>,
    /// Each with the index of its entry; more than are shown, since short ones may go.
    samples: Vec<(usize, Sample)>,
    /// Whether any row was JSON.
    readable: bool,
    /// What the first row looks like, should none be.
    guess: &'static str,
}

impl<'s> Pass<'s> {
    fn new(settings: &'s Settings) -> Self {
        let ledger = || Ledger::new(settings.findings_max);
        Self {
            settings,
            rows: Vec::new(),
            entries: Vec::new(),
            seen: HashMap::new(),
            labels: Labels::default(),
            ledger: ledger(),
            shorts: ledger(),
            short_repeats: ledger(),
            formats: BTreeMap::new(),
            samples: Vec::new(),
            readable: false,
            guess: "",
        }
    }

    fn add(&mut self, judge: &mut Judge<'_>, head: Head, bytes: &[u8]) {
        if self.rows.is_empty() {
            self.guess = guess_text(bytes);
        }
        let judged = judge.judge(head.body, bytes);
        if let Some(format) = judged.format {
            *self.formats.entry(format).or_default() += 1;
        }
        let not_json = |fault: &Fault| fault.rule.code == rules::invalid_json::RULE.code;
        self.readable |= !judged.faults.iter().any(not_json);
        for fault in judged.faults {
            let severity = self.settings.severity(fault.rule);
            self.ledger.add(fault, severity, head, bytes);
        }
        let disposition = match judged.example {
            None => Disposition::Rejected,
            Some(judgement) => self.compare(&judgement, head, bytes),
        };
        self.rows.push(disposition);
    }

    /// Decides about an example by those before it.
    fn compare(&mut self, judgement: &Judgement<'_>, head: Head, bytes: &[u8]) -> Disposition {
        let short = is_short(&judgement.example, self.settings.output_words_min);
        if short {
            let severity = self.settings.severity(&rules::short_output::RULE);
            let words = self.settings.output_words_min;
            let message = format!("the answer has fewer than {words} words");
            let mut fault = Fault::new(&rules::short_output::RULE).saying(message);
            if let Some(turn) = judgement.example.turns.last() {
                fault = fault.at(turn.place.at).path(turn.place);
            }
            self.shorts.add(fault, severity, head, bytes);
        }
        let line = u32::try_from(head.line).unwrap_or(u32::MAX);
        let first = match self.seen.entry(judgement.identity.to_le_bytes()) {
            hash_map::Entry::Occupied(entry) => Some(*entry.get()),
            hash_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        };
        if let Some(first) = first {
            let severity = self.settings.severity(&rules::duplicate::RULE);
            let ledger = if short {
                &mut self.short_repeats
            } else {
                &mut self.ledger
            };
            let message = format!("the row says the same as line {first}");
            let fault = Fault::new(&rules::duplicate::RULE).saying(message);
            ledger.add(fault, severity, head, bytes);
            match (severity, short) {
                (Severity::Reject, true) => return Disposition::ShortDuplicate,
                (Severity::Reject, false) => return Disposition::Duplicate,
                (Severity::Warn | Severity::Repair | Severity::Note, _) => {}
            }
        }
        if short {
            self.labels.count(judgement.output);
        }
        // Should all short ones go, as many others are needed.
        let room = if short { SAMPLES_MAX } else { 2 * SAMPLES_MAX };
        if self.samples.len() < room {
            let sample = Sample::of(&judgement.example);
            self.samples.push((self.entries.len(), sample));
        }
        self.entries.push(Entry::new(judgement, line, short));
        Disposition::Candidate
    }
}

impl Sample {
    fn of(example: &Example<'_>) -> Self {
        let last = |role| {
            let turn = example.turns.iter().rev().find(|turn| turn.role == role);
            let text = turn
                .and_then(|turn| turn.texts().next())
                .unwrap_or_default();
            text.chars().take(SAMPLE_CHARS_MAX).collect()
        };
        Self {
            input: last(Role::User),
            output: last(Role::Model),
        }
    }
}
