//! What a pass writes, and what happens when a second pass reads other bytes than the first.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    sync::atomic::{AtomicU8, Ordering},
};

use std::num::NonZero;

use super::{machine::BUFFERED_BYTES_MAX, *};
use crate::{meter::Crc32c, outputs::OutputFile, rule::Scan};

/// Output files in memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory(pub(crate) BTreeMap<OutputFile, Vec<u8>>);

impl Outputs for Memory {
    fn writer(&mut self, file: OutputFile) -> &mut dyn Write {
        self.0.entry(file).or_default()
    }
}

impl Memory {
    /// The rows of a file.
    pub(crate) fn rows(&self, file: OutputFile) -> Vec<&str> {
        std::str::from_utf8(&self.0[&file])
            .unwrap()
            .lines()
            .collect()
    }
}

/// Cleans `bytes`.
#[track_caller]
pub(crate) fn clean(bytes: &[u8], settings: &Settings) -> (Cleaned, Memory) {
    let threads = NonZero::new(2).unwrap();
    let (cleaned, memory, _) = clean_on(bytes, settings, Machine::with_threads(threads));
    (cleaned, memory)
}

/// Cleans `bytes` on a `machine`; returns the number of passes too.
#[track_caller]
pub(crate) fn clean_on(
    bytes: &[u8],
    settings: &Settings,
    machine: Machine,
) -> (Cleaned, Memory, u32) {
    clean_on_by(bytes, settings, machine, Plan::default())
}

/// Cleans `bytes`, starting with `plan`.
#[track_caller]
pub(crate) fn clean_by(bytes: &[u8], settings: &Settings, plan: Plan) -> (Cleaned, Memory) {
    let machine = Machine::with_threads(NonZero::new(2).unwrap());
    let (cleaned, memory, _) = clean_on_by(bytes, settings, machine, plan);
    (cleaned, memory)
}

/// Cleans `bytes` on a `machine`, starting with `plan`; returns the number of passes too.
#[track_caller]
pub(crate) fn clean_on_by(
    bytes: &[u8],
    settings: &Settings,
    machine: Machine,
    mut plan: Plan,
) -> (Cleaned, Memory, u32) {
    let source = bytes.to_vec();
    loop {
        let mut memory = Memory(OutputFile::ALL.map(|part| (part, Vec::new())).into());
        let outcome = pass(
            &source,
            settings,
            &plan,
            machine,
            Some(&mut memory),
            &mut |_| {},
        );
        match outcome.unwrap() {
            Outcome::Done(cleaned) => return (*cleaned, memory, plan.passes + 1),
            Outcome::Again(better) => plan = *better,
        }
    }
}

#[test]
fn rejected_rows_keep_their_bytes_and_say_why() {
    let bytes = b"{\"input\":\"a\",\"output\":\"one two three\"}\r\n\
        {\"input\":\"\",\"output\":\"\"}\r\n\
        caf\xe9\n\
        {\"input\":\"b\",\"output\":\"ok\"}\n\
        {\"input\":\"b\",\"output\":\"ok\"}";
    let (cleaned, memory) = clean(bytes, &Settings::default());
    let written = cleaned.written.unwrap();
    assert_eq!(
        memory.rows(OutputFile::Rejected),
        [
            r#"{"line":2,"codes":["empty_input","empty_output"],"raw":"{\"input\":\"\",\"output\":\"\"}"}"#,
            r#"{"line":3,"codes":["invalid_utf8"],"raw_base64":"Y2Fm6Q=="}"#,
            r#"{"line":4,"codes":["short_output"],"raw":"{\"input\":\"b\",\"output\":\"ok\"}"}"#,
            r#"{"line":5,"codes":["short_output"],"raw":"{\"input\":\"b\",\"output\":\"ok\"}"}"#,
        ]
    );
    assert_eq!((written.train.rows, written.rejected.rows), (1, 4));
    assert_eq!(
        written.train.bytes,
        u64::try_from(memory.0[&OutputFile::Train].len()).unwrap()
    );
    let crc32c = Crc32c::default().append(&memory.0[&OutputFile::Train]);
    assert_eq!(written.train.crc32c, crc32c);
}

#[test]
fn the_system_instruction_of_the_recipe_is_put_in_where_there_is_none() {
    let settings = Settings {
        system_instruction: Some(" Be brief. ".to_owned()),
        ..Settings::default()
    };
    let (_, memory) = clean(
        b"{\"input\":\"a\",\"output\":\"one two three\"}\n\
        {\"system\":\"Be long.\",\"input\":\"a\",\"output\":\"one two three\"}\n",
        &settings,
    );
    let rows = memory.rows(OutputFile::Train);
    assert!(rows[0].starts_with(
        r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be brief."}]},"contents":["#
    ));
    assert!(rows[1].starts_with(
        r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be long."}]},"contents":["#
    ));
}

/// Bytes that differ each time they are read.
struct Fickle(AtomicU8);

impl Source for Fickle {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let time = self.0.fetch_add(1, Ordering::Relaxed);
        let row = |answer: &str| format!("{{\"input\":\"{time}\",\"output\":\"{answer}\"}}\n");
        let rows = row("one two three") + &row("four five six");
        Ok(Box::new(io::Cursor::new(rows)))
    }

    fn size(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

fn rejecting_contradictions() -> Settings {
    Settings {
        severities: [("contradiction".to_owned(), crate::Severity::Reject)].into(),
        ..Settings::default()
    }
}

#[test]
fn a_dataset_that_changes_between_two_passes_is_reported() {
    let source = Fickle(AtomicU8::new(0));
    let settings = rejecting_contradictions();
    let failed = survey(&source, &settings, Machine::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(failed, Error::Changed), "{failed}");
}

/// Output files on a full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outputs for Full {
    fn writer(&mut self, _: OutputFile) -> &mut dyn Write {
        self
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let source = b"{\"input\":\"a\",\"output\":\"one two three\"}".to_vec();
    let settings = Settings::default();
    let plan = Plan::default();
    let machine = Machine::default();
    let failed = pass(
        &source,
        &settings,
        &plan,
        machine,
        Some(&mut Full),
        &mut |_| {},
    )
    .unwrap_err();
    assert_eq!(failed.to_string(), "cannot write the output file `train`");
}

/// Questions and answers with repeats, contradictions, short answers and broken rows.
fn many_rows(count: u32) -> Vec<u8> {
    let row = |n: u32| match n % 11 {
        0 => "{\"input\": \"broken\n".to_owned(),
        1 => format!("{{\"input\":\"q{n}\",\"output\":\"ok\"}}\n"),
        2 => "\n".to_owned(),
        3 => format!(
            "{{\"input\":\"q{}\",\"output\":\"one two three {}\"}}\n",
            n / 50,
            n % 3
        ),
        4 => format!("{{\"prompt\":\" q{n}\",\"completion\":\"five words are said here\"}}\r\n"),
        _ => format!("{{\"input\":\"q{n}\",\"output\":\"answer number {n} é\\n\"}}\n"),
    };
    (0..count).flat_map(|n| row(n).into_bytes()).collect()
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let bytes = many_rows(20_000);
    let settings = Settings {
        scan: [Scan::Language, Scan::NearDuplicates].into(),
        ..Settings::default()
    };
    for buffer in [100_000, BUFFERED_BYTES_MAX] {
        let one = clean_on(&bytes, &settings, Machine::tiny(1, buffer));
        for threads in [2, 5] {
            let several = clean_on(&bytes, &settings, Machine::tiny(threads, buffer));
            assert!(
                one == several,
                "{threads} threads, a buffer of {buffer} bytes"
            );
        }
    }
}

#[test]
fn a_large_dataset_is_split_in_one_pass_within_the_limits() {
    let bytes = many_rows(20_000);
    let machine = Machine::tiny(2, 100_000);
    let (cleaned, memory, passes) = clean_on(&bytes, &Settings::default(), machine);
    let splits = &cleaned.report.splits;
    assert_eq!(passes, 1);
    assert_eq!(splits.eval, 200);
    let share = splits.validation * 1000 / cleaned.report.rows.kept;
    assert!((80..=100).contains(&share), "{splits:?}");
    let (exact, whole, _) = clean_on(&bytes, &Settings::default(), Machine::default());
    // The draw is the same; only the number of rows drawn is estimated.
    let eval = |memory: &Memory| memory.0[&OutputFile::Eval].clone();
    assert!(eval(&memory) == eval(&whole));
    assert_eq!(cleaned.report.codes, exact.report.codes);
    assert_eq!(cleaned.report.rows, exact.report.rows);
    assert_eq!(
        memory.0[&OutputFile::Rejected],
        whole.0[&OutputFile::Rejected]
    );
}

#[test]
fn where_the_first_rows_deceive_a_second_pass_knows_better() {
    // Long rows, then many short ones, so that there are more rows than the first suggest; and the
    // reverse.
    let long = |n: u32| {
        format!(
            "{{\"input\":\"l{n}\",\"output\":\"{}\"}}\n",
            "many words ".repeat(200)
        )
    };
    let short = |n: u32| format!("{{\"input\":\"s{n}\",\"output\":\"a few words\"}}\n");
    let longs: String = (0..400).map(long).collect();
    let short_findings: String = (0..80_000).map(short).collect();
    for text in [longs.clone() + &short_findings, short_findings + &longs] {
        let machine = Machine::tiny(2, 300_000);
        let (cleaned, _, passes) = clean_on(text.as_bytes(), &Settings::default(), machine);
        let splits = &cleaned.report.splits;
        assert!(passes <= 2, "{passes} passes");
        assert!((2_500..=5_000).contains(&splits.validation), "{splits:?}");
        assert_eq!(splits.eval, 200);
    }
}

#[test]
fn a_question_with_too_many_answers_trains() {
    let crowd = |n: u32| format!("{{\"input\":\"the same\",\"output\":\"answer number {n}\"}}\n");
    let row = |n: u32| format!("{{\"input\":\"q{n}\",\"output\":\"answer number {n}\"}}\n");
    let text: String = (0..26_000).map(|n| crowd(n) + &row(n)).collect();
    for seed in 0..4 {
        let settings = Settings {
            seed,
            validation_percent: 20,
            ..Settings::default()
        };
        let (cleaned, memory, passes) =
            clean_on(text.as_bytes(), &settings, Machine::tiny(2, 100_000));
        assert!(passes <= 3, "{passes} passes");
        let splits = &cleaned.report.splits;
        assert!(
            splits.validation <= 5_000 && splits.validation > 1_000,
            "{splits:?}"
        );
        assert!(
            !memory
                .rows(OutputFile::Validation)
                .iter()
                .any(|row| row.contains("the same"))
        );
    }
}

#[test]
fn rows_that_a_rule_repairs_are_shown_as_they_were_and_are() {
    let row = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"\"{}\""}}]},{"role":"tool","content":"1"},{"role":"assistant","content":"one two three"}]}"#;
    let (_, memory) = clean(format!("\n{row}\n").as_bytes(), &Settings::default());
    let train = memory.rows(OutputFile::Train)[0];
    let raw = serde_json::to_string(row).unwrap();
    let expected =
        format!(r#"{{"line":2,"codes":["double_encoded_arguments"],"raw":{raw},"row":{train}}}"#);
    assert_eq!(memory.rows(OutputFile::Corrected), [expected]);
}

#[test]
fn rows_too_many_to_remember_are_compared_all_the_same() {
    let bytes = many_rows(20_000);
    let strict = Settings {
        findings_max: 10,
        ..rejecting_contradictions()
    };
    for (settings, buffer) in [
        (Settings::default(), 100_000),
        (Settings::default(), BUFFERED_BYTES_MAX),
        (strict, BUFFERED_BYTES_MAX),
    ] {
        let roomy = clean_on(&bytes, &settings, Machine::tiny(2, buffer));
        let narrow = Machine {
            dedup_bytes: 50_000,
            ..Machine::tiny(2, buffer)
        };
        let (cleaned, memory, passes) = clean_on(&bytes, &settings, narrow);
        assert_eq!(passes, roomy.2 + 1);
        assert_eq!(cleaned.report, roomy.0.report);
        assert!(cleaned == roomy.0 && memory == roomy.1);
    }
}
