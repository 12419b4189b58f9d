//! An upload above the limit is cleaned by many tasks, to the same bytes as by one process.

use std::{collections::BTreeMap, io::Write as _};

use clean_engine::{Cleaned, Machine, Outcome, OutputFile, Outputs, Plan, Settings};
use flate2::{Compression, write::GzEncoder};
use shared::dataset::{UploadOutcome, Version};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use crate::PROGRAM;

/// In these tests, the bytes above which an upload is large.
const LARGE_BYTES: usize = 100_000;
/// In these tests, the bytes of a task.
const RANGE_BYTES: usize = 150_000;

fn setup() -> Setup {
    Setup::default()
        .with("CLEAN_JOB_ABOVE_BYTES", &LARGE_BYTES.to_string())
        .with("CLEAN_TASK_BYTES", &RANGE_BYTES.to_string())
}

/// Valid and invalid rows, with duplicates and contradictions far apart.
fn rows(count: usize) -> String {
    let row = |number: usize| {
        let (asked, answered) = match number % 19 {
            0 => return "{\"input\":\"cut sho\n".to_owned(),
            1 => return "\r\n".to_owned(),
            2 => (number % 57, number % 5),
            3 => (number % 190, number % 190),
            _ => (count + number, number),
        };
        let said = "la ".repeat(number % 40);
        format!(
            "{{\"input\":\"What is number {asked}?\",\"output\":\"It is {answered}, \
             as {asked} is, and so on.\",\"id\":\"{said}\"}}\r\n"
        )
    };
    (0..count).map(row).collect()
}

/// Output files in memory.
#[derive(Default)]
struct Memory(BTreeMap<OutputFile, Vec<u8>>);

impl Outputs for Memory {
    fn writer(&mut self, part: OutputFile) -> &mut dyn std::io::Write {
        self.0.entry(part).or_default()
    }
}

/// What one process makes of `bytes`.
fn alone(bytes: &[u8], settings: &Settings) -> (Cleaned, Memory) {
    let mut plan = Plan::default();
    loop {
        let mut memory = Memory::default();
        let (source, machine) = (bytes.to_vec(), Machine::default());
        let outputs: Option<&mut dyn Outputs> = Some(&mut memory);
        match clean_engine::pass(&source, settings, &plan, machine, outputs, &mut |_| {}).unwrap() {
            Outcome::Done(cleaned) => return (*cleaned, memory),
            Outcome::Again(better) => plan = *better,
        }
    }
}

/// Asserts that the version holds what one process makes of `bytes`.
async fn check_alike(harness: &Harness, version: &Version, bytes: &[u8], settings: &Settings) {
    let (cleaned, memory) = alone(bytes, settings);
    for part in OutputFile::ALL {
        let stored = &version.parts[part.name()];
        let made = harness.object(&stored.artifact).await;
        let expected = memory.0.get(&part).cloned().unwrap_or_default();
        assert!(made == expected, "{}", part.name());
    }
    let report = harness.object(&version.parts["report"].artifact).await;
    let mut report: clean_engine::Report = serde_json::from_slice(&report).unwrap();
    report.tokens.calibration = None;
    assert_eq!(report, cleaned.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_is_cleaned_by_many_tasks_to_the_same_bytes() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let text = rows(9_000);
    let upload = harness.upload("big/data.jsonl", text.clone()).await;
    let version = harness.version_of(&upload).await;
    check_alike(&harness, &version, text.as_bytes(), &Settings::default()).await;
    let tasks = text.len().div_ceil(RANGE_BYTES);
    assert!(tasks >= 4, "{tasks}");
    // The last task makes the version, then ends.
    let executions = wait::until("all tasks to end", &harness, async || {
        let executions = harness.executions().await;
        if executions[0]["succeededCount"] == tasks {
            Ok(executions)
        } else {
            Err(executions)
        }
    });
    let executions = executions.await;
    assert_eq!(executions.len(), 1, "{executions:#?}");
    assert_eq!(executions[0]["taskCount"], tasks);
    // The same bytes again are the same version, without another execution.
    let again = harness.upload("big/again.jsonl", text).await;
    assert_eq!(harness.version_of(&again).await.id, version.id);
    assert_eq!(harness.executions().await.len(), 1);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_must_be_processed_again_take_a_second_round() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let text = rows(3_000);
    let recipe = "[clean]\nseverities = { contradiction = \"reject\" }\n";
    harness.upload("big/recipe.toml", recipe).await;
    let upload = harness.upload("big/data.jsonl", text.clone()).await;
    let version = harness.version_of(&upload).await;
    let settings = Settings {
        severities: [("contradiction".to_owned(), clean_engine::Severity::Reject)].into(),
        ..Settings::default()
    };
    assert!(version.codes["contradiction"] > 0, "{:?}", version.codes);
    check_alike(&harness, &version, text.as_bytes(), &settings).await;
    assert_eq!(harness.executions().await.len(), 2);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_that_cannot_be_split_is_one_task() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let text = rows(60_000);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    assert!(compressed.len() > 2 * RANGE_BYTES, "{}", compressed.len());
    let upload = harness
        .upload("compressed/data.jsonl.gz", compressed.clone())
        .await;
    let version = harness.version_of(&upload).await;
    check_alike(&harness, &version, &compressed, &Settings::default()).await;
    let executions = harness.executions().await;
    assert_eq!(executions.len(), 1, "{executions:#?}");
    assert_eq!(executions[0]["taskCount"], 1);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_without_rows_is_rejected_with_a_reason() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let upload = harness
        .upload("big/data.jsonl", "not a row\n".repeat(40_000))
        .await;
    let rejected = harness.cleaned(&upload).await;
    assert_eq!(rejected.outcome, UploadOutcome::Rejected);
    assert!(
        rejected.note.contains("no row of 40000"),
        "{}",
        rejected.note
    );
    harness.assert_quiet().await;
}
