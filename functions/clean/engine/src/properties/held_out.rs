//! What an earlier version holds out never trains.

use proptest::prelude::*;

use super::{adds_up, lines, near, pairs, read};
use crate::{
    held_out::HeldOut,
    outputs::OutputFile,
    pass::{
        machine::Machine,
        tests::{Memory, clean, clean_by, clean_on, clean_on_by},
    },
    plan::Plan,
    report::ReportVerdict,
    rule::Scan,
    settings::Settings,
};

/// What holds out the questions of `rows`.
fn held(rows: &[u8]) -> Plan {
    let mut held = HeldOut::default();
    held.read(rows, &Settings::default()).unwrap();
    Plan::default().holding_out(held)
}

/// What holds out questions by their numbers.
fn numbers(questions: &[u8]) -> Plan {
    let pairs: Vec<(u8, u8)> = questions.iter().map(|question| (*question, 0)).collect();
    held(lines(&pairs).as_bytes())
}

/// Many rows of different questions.
fn rows(numbers: std::ops::Range<u32>) -> String {
    let row = |n| format!("{{\"input\":\"q{n}\",\"output\":\"answer number {n}\"}}\n");
    numbers.map(row).collect()
}

/// The rows of `part` that are among those of `other`.
fn shared(memory: &Memory, part: OutputFile, other: &[&str]) -> usize {
    let rows = memory.rows(part).into_iter();
    rows.filter(|row| other.contains(row)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_question_held_out_trains(pairs in pairs(), questions in prop::collection::vec(0..40_u8, 0..20), eval_rows in 0..20_u32) {
        let settings = Settings { eval_rows, ..Settings::default() };
        let text = lines(&pairs);
        for hold in [500, u64::MAX] {
            let clean = |threads| clean_on_by(text.as_bytes(), &settings, Machine::tiny(threads, hold), numbers(&questions));
            let (cleaned, memory, passes) = clean(1);
            prop_assert!(passes <= 3, "{} passes", passes);
            adds_up(&cleaned, &memory);
            let mut pairs = pairs.clone();
            for part in [OutputFile::Train, OutputFile::Validation, OutputFile::Eval] {
                let rows = read(&memory, part);
                prop_assert!(part != OutputFile::Train || !rows.iter().any(|(question, _)| questions.contains(question)));
                // In the order of the dataset.
                let mut left = pairs.iter();
                prop_assert!(rows.iter().all(|row| left.any(|pair| pair == row)), "{:?}", rows);
                pairs.retain(|pair| !rows.contains(pair));
            }
            // What is left out is what is held out.
            prop_assert!(pairs.iter().all(|(question, _)| questions.contains(question)));
            let left_out = cleaned.report.codes.get("held_out_no_room").copied().unwrap_or_default();
            let of_the_file = u64::from(cleaned.report.verdict == ReportVerdict::Unusable && cleaned.report.rows.kept > 0);
            prop_assert_eq!(left_out, cleaned.report.rows.rejected + of_the_file);
            prop_assert!((cleaned, memory, passes) == clean(3));
        }
    }

    #[test]
    fn what_is_not_asked_changes_nothing(pairs in pairs()) {
        let text = lines(&pairs);
        for hold in [500, u64::MAX] {
            let machine = Machine::tiny(2, hold);
            let without = clean_on(text.as_bytes(), &Settings::default(), machine);
            for plan in [numbers(&[]), numbers(&[200, 201])] {
                prop_assert!(without == clean_on_by(text.as_bytes(), &Settings::default(), machine, plan));
            }
        }
    }

    #[test]
    fn rows_nearly_held_out_go_with_them(said in prop::collection::vec((0..12_usize, 0..60_usize), 60..160)) {
        let settings = Settings { scan: [Scan::NearDuplicates].into(), ..Settings::default() };
        let texts: Vec<String> = said.iter().enumerate().map(|(line, (said, changed))| near(line, line, *said, *changed)).collect();
        let plan = held(texts[50].as_bytes());
        let (cleaned, memory) = clean_by(texts.concat().as_bytes(), &settings, plan);
        adds_up(&cleaned, &memory);
        let trains = |line: usize| memory.rows(OutputFile::Train).iter().any(|row| row.contains(&format!("in row {line}.")));
        prop_assert!(!trains(51));
        for finding in cleaned.report.findings.iter().filter(|finding| finding.code == "near_duplicate") {
            let first = finding.message.rsplit(' ').next().unwrap().parse().unwrap();
            let line = usize::try_from(finding.line).unwrap();
            prop_assert_eq!(trains(line), trains(first));
        }
    }
}

#[test]
fn a_dataset_that_grows_keeps_what_it_compares_models_with() {
    let (first, grown) = (rows(0..300), rows(0..12_000));
    let settings = Settings {
        validation_percent: 2,
        ..Settings::default()
    };
    let (_, before) = clean(first.as_bytes(), &settings);
    let eval = before.rows(OutputFile::Eval);
    assert_eq!(eval.len(), 30);
    for hold in [100_000, u64::MAX] {
        let machine = Machine::tiny(2, hold);
        let (_, alone, _) = clean_on(grown.as_bytes(), &settings, machine);
        let leaks = shared(&alone, OutputFile::Train, &eval);
        assert!(leaks > 10, "{leaks} rows train that compared models");
        let plan = held(&before.0[&OutputFile::Eval]);
        let (cleaned, after, passes) = clean_on_by(grown.as_bytes(), &settings, machine, plan);
        assert_eq!(passes, 1);
        assert_eq!(shared(&after, OutputFile::Eval, &eval), 30);
        assert_eq!(cleaned.report.splits.eval, 200);
        let reported = cleaned.report.codes["train_eval_leak"];
        // In a stream, the draw aims lower where questions are held out.
        let further = if hold == u64::MAX { 0 } else { 5 };
        let leaks = u64::try_from(leaks).unwrap();
        assert!(
            (leaks..=leaks + further).contains(&reported),
            "{leaks} {reported}"
        );
        assert_eq!(cleaned.report.verdict, ReportVerdict::Clean);
    }
}

#[test]
fn rows_that_no_part_has_room_for_are_left_out_and_reported() {
    let text = rows(0..4_000);
    let settings = Settings {
        eval_rows: 40,
        validation_percent: 2,
        ..Settings::default()
    };
    let mut left_out = Vec::new();
    for hold in [100_000, u64::MAX] {
        let plan = held(rows(1_000..1_300).as_bytes());
        let machine = Machine::tiny(2, hold);
        let (cleaned, memory, passes) = clean_on_by(text.as_bytes(), &settings, machine, plan);
        assert!(passes <= 3, "{passes} passes");
        adds_up(&cleaned, &memory);
        let splits = &cleaned.report.splits;
        assert_eq!((splits.eval, splits.validation), (40, 80));
        assert_eq!(cleaned.report.rows.rejected, 180);
        assert_eq!(cleaned.report.codes["held_out_no_room"], 180);
        left_out.push(memory.rows(OutputFile::Rejected).join("\n"));
    }
    assert_eq!(left_out[0], left_out[1]);
    let row = left_out[0].lines().next().unwrap();
    assert!(
        row.starts_with(r#"{"line":1"#)
            && row.contains(r#","codes":["held_out_no_room"],"row":{"contents":[{"#),
        "{row}"
    );
}

#[test]
fn a_dataset_of_nothing_but_questions_held_out_is_refused() {
    for count in [5, 50] {
        let text = rows(0..count);
        let (cleaned, memory) =
            clean_by(text.as_bytes(), &Settings::default(), held(text.as_bytes()));
        assert_eq!(cleaned.report.verdict, ReportVerdict::Unusable);
        assert!(memory.rows(OutputFile::Train).is_empty());
        adds_up(&cleaned, &memory);
    }
}
