//! Many machines write the same bytes as one.

use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::{
    outputs::OutputFile,
    pass::{
        machine::Machine,
        outcome::{Cleaned, Outcome},
        tests::{Memory, clean_on},
    },
    rule::Scan,
    severity::Severity,
};

/// Cleans `bytes` cut at `cuts`, each range on its own; returns how often rows were processed.
fn share(
    bytes: &[u8],
    cuts: &[Range<u64>],
    settings: &Settings,
    machine: Machine,
) -> (Cleaned, Memory, u32) {
    let source = bytes.to_vec();
    let mut plan = Plan::default();
    let mut rounds = 0;
    loop {
        rounds += 1;
        let processor = |range: &Range<u64>| {
            let mut frames = Vec::new();
            process_range(
                &source,
                range.clone(),
                settings,
                &plan,
                machine,
                &mut frames,
            )
            .unwrap();
            frames
        };
        let ranges: Vec<Vec<u8>> = cuts.iter().map(processor).collect();
        let processed_by = plan.clone();
        while plan.processes_like(&processed_by) {
            let mut memory = Memory(OutputFile::ALL.map(|part| (part, Vec::new())).into());
            match merge(&ranges, settings, &plan, machine, Some(&mut memory)).unwrap() {
                Outcome::Done(cleaned) => return (*cleaned, memory, rounds),
                Outcome::Again(better) => {
                    plan = Plan::from_bytes(&better.to_bytes().unwrap()).unwrap();
                }
            }
        }
    }
}

/// The ranges between `at`.
fn ranges(length: usize, mut at: Vec<usize>) -> Vec<Range<u64>> {
    at.extend([0, length]);
    at.sort_unstable();
    let edge = |at: usize| u64::try_from(at).unwrap();
    at.windows(2)
        .map(|pair| edge(pair[0])..edge(pair[1]))
        .collect()
}

#[track_caller]
fn check(bytes: &[u8], cuts: &[Range<u64>], settings: &Settings, buffer: u64) {
    // Only plain text is cut into ranges.
    if !is_cuttable(&bytes.to_vec(), settings).unwrap() {
        return;
    }
    let machine = Machine::tiny(2, buffer);
    let (alone, parts, _) = clean_on(bytes, settings, machine);
    let (shared, shared_parts, _) = share(bytes, cuts, settings, machine);
    assert_eq!(alone, shared, "{cuts:?}");
    assert_eq!(parts, shared_parts, "{cuts:?}");
}

/// A line with its end.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let pair = (0..9_u8, 0..4_u8, any::<bool>()).prop_map(|(asked, answered, long)| {
        let answer = if long { "a word or two more" } else { "yes" };
        format!(r#"{{"input":"ask {asked}","output":"say {answered} {answer}"}}"#).into_bytes()
    });
    let content = prop_oneof![
        6 => pair,
        1 => Just(Vec::new()),
        1 => Just(b"  \t".to_vec()),
        1 => Just(b"{\"input\":\"cut".to_vec()),
        1 => Just(b"caf\xe9".to_vec()),
        1 => Just("{\"input\":\"\u{e9}\u{1f600}\",\"output\":\" dix mots ou presque \"}".into()),
        1 => prop::collection::vec(any::<u8>(), 0..30),
    ];
    let end = prop_oneof![4 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..])];
    (content, end).prop_map(|(content, end)| [&content, end].concat())
}

fn some_settings() -> impl Strategy<Value = Settings> {
    let rejecting = |code: &str| (code.to_owned(), Severity::Reject);
    prop_oneof![
        Just(Settings::default()),
        Just(Settings {
            findings_max: 3,
            scan: [Scan::NearDuplicates, Scan::Language, Scan::Pii].into(),
            ..Settings::default()
        }),
        Just(Settings {
            severities: [rejecting("contradiction")].into(),
            eval_rows: 2,
            ..Settings::default()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn ranges_together_are_cleaned_as_the_whole(
        lines in prop::collection::vec(line(), 1..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        mark in any::<bool>(),
        ended in any::<bool>(),
        settings in some_settings(),
        buffer in prop_oneof![Just(0), 1..4_000_u64, Just(u64::MAX)],
    ) {
        let mut bytes = if mark { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
        bytes.extend(lines.concat());
        if !ended {
            bytes.pop();
        }
        let cuts = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        check(&bytes, &ranges(bytes.len(), cuts), &settings, buffer);
    }
}

#[test]
fn a_range_of_every_byte_is_as_good_as_any() {
    let bytes = b"\xEF\xBB\xBF\n{\"input\":\"a\",\"output\":\"one two three\"}\r\n\n{\"input\":\"b\",\"output\":\"ok\"}";
    let every: Vec<usize> = (0..bytes.len()).collect();
    check(bytes, &ranges(bytes.len(), every), &Settings::default(), 0);
}

#[test]
fn lines_that_are_too_long_are_so_wherever_they_are_cut() {
    let long = |length: usize, of: char| of.to_string().repeat(length) + "\n";
    let row = "{\"input\":\"a\",\"output\":\"one two three\"}\n";
    for length in [(8 << 20) - 1, 8 << 20, (8 << 20) + 1, (8 << 20) + 600_000] {
        for of in [' ', 'x'] {
            let text = [row, &long(length, of), row, &long(length, of)].concat();
            let cuts = vec![20, 39, 40, 5 << 20, (8 << 20) + 41, 17 << 20];
            let cuts = ranges(
                text.len(),
                cuts.into_iter().filter(|at| *at < text.len()).collect(),
            );
            check(text.as_bytes(), &cuts, &Settings::default(), u64::MAX);
        }
    }
}

#[test]
fn rows_that_contradict_one_another_are_processed_again_and_others_are_not() {
    let row = |answer: &str| format!("{{\"input\":\"a\",\"output\":\"{answer}\"}}\n");
    let text = row("one two three") + &row("four five six");
    let contradicting = |severity| Settings {
        severities: [("contradiction".to_owned(), severity)].into(),
        ..Settings::default()
    };
    for (severity, expected) in [(Severity::Warn, 1), (Severity::Reject, 2)] {
        let settings = contradicting(severity);
        let cuts = ranges(text.len(), vec![10]);
        let machine = Machine::tiny(2, 0);
        let (_, _, rounds) = share(text.as_bytes(), &cuts, &settings, machine);
        assert_eq!(rounds, expected, "{severity:?}");
    }
}

#[test]
fn ranges_in_another_order_are_refused() {
    let bytes = b"{\"input\":\"a\",\"output\":\"one two three\"}\n".repeat(4);
    let settings = Settings::default();
    let processor = |index| {
        let mut frames = Vec::new();
        let range = range_of(u64::try_from(bytes.len()).unwrap(), index, 2);
        let (plan, machine) = (Plan::default(), Machine::default());
        process_range(&bytes, range, &settings, &plan, machine, &mut frames).unwrap();
        frames
    };
    let swapped = [processor(1), processor(0)];
    let merged = merge(
        &swapped,
        &settings,
        &Plan::default(),
        Machine::default(),
        None,
    );
    assert!(
        matches!(merged, Err(Error::Frames { range: 0, .. })),
        "{merged:?}"
    );
}
