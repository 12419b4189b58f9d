//! Properties that hold for every dataset and for all settings.

mod rows;

use std::{collections::BTreeMap, io::Write, num::NonZero};

use clean_engine::{
    Cleaned, HeldOut, Identity, Machine, Outcome, OutputFile, Outputs, Plan, Report, Scan,
    Settings, Severity, ReportVerdict, pass, render,
};

pub use crate::rows::{Row, dataset};

/// Most lines in a report rendered as text.
const REPORT_LINES_MAX: usize = 60;

/// Bytes of records held in memory on a tiny machine.
const HOLD_BYTES: u64 = 300;

/// Bytes of memory for duplicate detection if there is almost none.
const DEDUP_BYTES: usize = 2_000;

/// Settings and machine, chosen by four characters; `0000` selects the defaults.
#[derive(Debug, Clone)]
pub struct Choice {
    settings: Settings,
    is_tiny: bool,
    forgets: bool,
}

impl Choice {
    /// The choice that the low bits of these characters select.
    pub fn of([scans, around, severity, rule]: [u8; 4]) -> Self {
        let bit = |byte: u8, bit: u32| byte >> bit & 1 == 1;
        let all = [
            Scan::Pii,
            Scan::Secrets,
            Scan::Language,
            Scan::NearDuplicates,
        ];
        let chosen = all.into_iter().zip(0..).filter(|(_, at)| bit(scans, *at));
        let mut settings = Settings {
            scan: chosen.map(|(scan, _)| scan).collect(),
            template: bit(around, 0).then(|| "Say \"it\":\n{input}\nso".to_owned()),
            system_instruction: bit(around, 1).then(|| " Be brief. ".to_owned()),
            ..Settings::default()
        };
        let severities = [
            Severity::Reject,
            Severity::Warn,
            Severity::Repair,
            Severity::Note,
            Severity::Off,
        ];
        // Set the severity of a few rules; skip severities that a rule does not allow.
        let rules: Vec<_> = clean_engine::rules().collect();
        let count = usize::from(severity & 3);
        for step in 0..count {
            let rule = rules[(usize::from(rule) + step * 13) % rules.len()];
            let severity = severities[(usize::from(severity >> 2) + step) % severities.len()];
            let mut bolder = settings.clone();
            bolder.severities.insert(rule.code.to_owned(), severity);
            if bolder.check().is_ok() {
                settings = bolder;
            }
        }
        Self {
            settings,
            is_tiny: bit(around, 2),
            forgets: bit(around, 3),
        }
    }

    fn machine(&self, threads: usize) -> Machine {
        let threads = NonZero::new(threads).unwrap_or(NonZero::<usize>::MIN);
        let mut machine = Machine::with_threads(threads);
        if self.is_tiny {
            machine = Machine::tiny(threads.get(), HOLD_BYTES);
        }
        if self.forgets {
            machine.dedup_bytes = DEDUP_BYTES;
        }
        machine
    }
}

/// Cleans `dataset` in several ways and compares the results.
pub fn check(dataset: &[u8], choice: Choice) {
    let (settings, machine) = (&choice.settings, choice.machine(1));
    let (cleaned, parts) = clean(dataset, settings, machine, HeldOut::default());
    adds_up(&cleaned, &parts);
    let three = clean(dataset, settings, choice.machine(3), HeldOut::default());
    assert!(
        three == (cleaned, parts.clone()),
        "the result depends on the number of threads"
    );
    keeps_held_out(dataset, &choice, &parts);
    is_clean_after_one_cleaning(dataset, &choice);
}

/// The output files.
type Parts = BTreeMap<OutputFile, Vec<u8>>;

struct Memory(Parts);

impl Outputs for Memory {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        self.0.entry(part).or_default()
    }
}

fn clean(dataset: &[u8], settings: &Settings, machine: Machine, held: HeldOut) -> (Cleaned, Parts) {
    let source = dataset.to_vec();
    let mut plan = Plan::default().holding_out(held);
    loop {
        let mut memory = Memory(OutputFile::ALL.map(|part| (part, Vec::new())).into());
        let outputs: Option<&mut dyn Outputs> = Some(&mut memory);
        let outcome = pass(&source, settings, &plan, machine, outputs, &mut |_| {});
        match outcome.expect("a bad dataset is not an error") {
            Outcome::Done(cleaned) => return (*cleaned, memory.0),
            Outcome::Again(better) => plan = *better,
        }
    }
}

fn rows(parts: &Parts, part: OutputFile) -> Vec<&str> {
    let text = std::str::from_utf8(&parts[&part]).expect("an output file is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().collect()
}

fn count(rows: &[&str]) -> u64 {
    u64::try_from(rows.len()).expect("few rows")
}

/// Every row is in exactly one place, and the report's counts agree.
fn adds_up(cleaned: &Cleaned, parts: &Parts) {
    let report = &cleaned.report;
    let (all, splits) = (&report.rows, &report.splits);
    assert_eq!(all.read, all.kept + all.rejected + all.duplicate);
    assert_eq!(all.kept, splits.train + splits.validation + splits.eval);
    assert_eq!(report.verdict == ReportVerdict::Unusable, splits.train == 0);
    let mut trained = Vec::new();
    let held = [
        (OutputFile::Train, splits.train),
        (OutputFile::Validation, splits.validation),
        (OutputFile::Eval, splits.eval),
    ];
    // If a file is rejected as a whole, the rows read before are in its outputs but not counted.
    let is_refused = all.kept == 0;
    for (part, expected) in held {
        let rows = rows(parts, part);
        assert!(is_refused || count(&rows) == expected, "{part:?}");
        for row in rows {
            let identity = Identity::of_row(row.as_bytes()).expect("a kept row is a row");
            if part == OutputFile::Train {
                trained.push(identity.question);
            } else {
                assert!(
                    !trained.contains(&identity.question),
                    "a question is in the training split and in another one"
                );
            }
        }
    }
    let rejected = rows(parts, OutputFile::Rejected);
    assert!(is_refused || count(&rejected) == all.rejected);
    let mut line = 0;
    for note in rejected {
        let note: serde_json::Value = serde_json::from_str(note).expect("a note is JSON");
        let at = note["line"].as_u64();
        assert!(at.is_some() || note["place"].is_string());
        assert!(at.is_none_or(|at| at >= line));
        assert!(!note["codes"].as_array().expect("codes").is_empty());
        line = at.unwrap_or(line);
    }
    assert!(render(report).lines().count() <= REPORT_LINES_MAX);
    let json = serde_json::to_string(report).expect("a report is JSON");
    assert_eq!(
        &serde_json::from_str::<Report>(&json).expect("a report"),
        report
    );
}

/// A question in one version's eval split is never in a later version's training split, whatever the
/// seed.
fn keeps_held_out(dataset: &[u8], choice: &Choice, parts: &Parts) {
    let eval = parts[&OutputFile::Eval].as_slice();
    if eval.is_empty() {
        return;
    }
    let mut held = HeldOut::default();
    let read = held.read(eval, &choice.settings).expect("bytes in memory");
    assert_eq!(read.unread, 0);
    let other = Settings {
        seed: 1,
        ..choice.settings.clone()
    };
    let (cleaned, after) = clean(dataset, &other, choice.machine(1), held);
    adds_up(&cleaned, &after);
    let identity = |row: &str| {
        Identity::of_row(row.as_bytes())
            .expect("a kept row is a row")
            .question
    };
    let questions: Vec<u64> = rows(parts, OutputFile::Eval)
        .into_iter()
        .map(identity)
        .collect();
    let mut trained = rows(&after, OutputFile::Train).into_iter().map(identity);
    assert!(
        !trained.any(|question| questions.contains(&question)),
        "a held-out question is in the training split"
    );
}

/// Cleaning the output again keeps it, byte for byte.
fn is_clean_after_one_cleaning(dataset: &[u8], choice: &Choice) {
    let whole = Settings {
        eval_rows: 0,
        validation_percent: 0,
        ..choice.settings.clone()
    };
    let machine = choice.machine(1);
    let (first, once) = clean(dataset, &whole, machine, HeldOut::default());
    if first.report.rows.kept == 0 {
        return;
    }
    let (_, twice) = clean(
        &once[&OutputFile::Train],
        &whole,
        machine,
        HeldOut::default(),
    );
    assert!(
        once[&OutputFile::Train] == twice[&OutputFile::Train],
        "cleaning twice is not cleaning once:\n{}\n{}",
        String::from_utf8_lossy(&once[&OutputFile::Train]),
        String::from_utf8_lossy(&twice[&OutputFile::Train]),
    );
}
