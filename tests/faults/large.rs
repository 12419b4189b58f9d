//! The promise: if any task of a large cleaning is killed at any point, there is still one version with
//! the right bytes and one record in the end; and if all retries fail, the record has the reason.

use std::{collections::BTreeSet, sync::Mutex};

use serde_json::{Value, json};
use shared::{dataset::UploadOutcome, event::ObjectFinalized, run::Run};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use crate::PROGRAM;

/// The caller name of tasks in faults and in the journal.
const TASKS: &str = "clean-large";

/// In these tests, the bytes above which an upload is large, and the bytes of a task: four tasks.
const RANGE_BYTES: usize = 50_000;

fn setup() -> Setup {
    Setup::default()
        .with("CLEAN_JOB_ABOVE_BYTES", &RANGE_BYTES.to_string())
        .with("CLEAN_TASK_BYTES", &RANGE_BYTES.to_string())
}

fn rows() -> String {
    let row = |number: usize| {
        let row = json!({
            "input": format!("What is number {}?", number % 1_500),
            "output": format!("It is {} and so on.", number % 1_500),
        });
        row.to_string() + "\n"
    };
    (0..2_400).map(row).collect()
}

/// Kills the running attempts that match; gives their number.
async fn kill(harness: &Harness, which: &Value) -> u64 {
    let url = format!("{}/emulator/run/kill", harness.address("RUN_ENDPOINT"));
    let killed = harness.http.post(url).json(which).send().await;
    let killed: Value = killed.expect("an answer").json().await.expect("JSON");
    killed["killed"].as_u64().expect("a count")
}

/// Waits for the end, and asserts that there is one of everything.
async fn ends_once(harness: &Harness, upload: &ObjectFinalized) {
    let version = harness.version_of(upload).await;
    let any = |_: &Run| true;
    let run = harness.run_of(version.id.as_str(), "a run of the version", any);
    let _run = run.await;
    harness.settled().await;
    let rows = version.rows;
    assert_eq!((rows.read, rows.kept, rows.duplicate), (2_400, 1_500, 900));
    assert_eq!(harness.versions().await.len(), 1);
    let train = harness.object(&version.parts["train"].artifact).await;
    let lines = train.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(u64::try_from(lines).ok(), Some(version.parts["train"].rows));
    assert_eq!(harness.backlog("dead-letters-pull").await, 0);
    assert_eq!(harness.runs().await.len(), 1);
}

/// Runs a cleaning, and kills all its tasks where `fault` holds them.
async fn check(fault: Value) {
    let harness = Harness::start(PROGRAM, setup()).await;
    let fault = json!({
        "caller": TASKS, "times": 100,
        "path": fault["path"], "query": fault.get("query"), "body": fault.get("body"),
        "action": { "hold": fault["when"] },
    });
    let fault = without_nulls(fault);
    let id = harness.faults.arm(&fault).await;
    let upload = harness.upload("big/data.jsonl", rows()).await;
    harness.faults.held(&id).await;
    let killed = kill(&harness, &json!({})).await;
    assert!(killed > 0, "{fault}");
    harness.faults.clear().await;
    ends_once(&harness, &upload).await;
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_killed_before_their_frames_exist_process_their_rows_again() {
    check(json!({ "path": "/upload/", "query": ".frames", "when": "before" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_killed_after_their_frames_exist_continue() {
    check(json!({ "method": "GET", "path": "/o$", "when": "before" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_killed_while_it_merges_merges_again() {
    check(json!({ "path": "/upload/", "query": "train.jsonl", "when": "before" })).await;
    check(json!({ "path": "/upload/", "query": "manifest.json", "when": "after" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_killed_before_its_version_is_recorded_records_it() {
    check(json!({ "path": "Firestore/", "body": "/cleanings/", "when": "after" })).await;
    check(json!({ "path": "Publisher/Publish$", "when": "before" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_killed_once_is_one_version() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let upload = harness.upload("big/data.jsonl", rows()).await;
    let attempts = format!("{}/emulator/run", harness.address("RUN_ENDPOINT"));
    let killed = Mutex::new(BTreeSet::new());
    wait::until("every task to be killed once", &harness, async || {
        let running = harness.get(&attempts).await;
        for attempt in running["running"].as_array().into_iter().flatten() {
            if attempt["attempt"] == 0 {
                let index = attempt["index"].clone();
                kill(&harness, &json!({ "index": index })).await;
                killed.lock().expect("a lock").insert(index.as_u64());
            }
        }
        let tasks = harness
            .executions()
            .await
            .first()
            .map(|it| it["taskCount"].clone());
        let killed = killed.lock().expect("a lock").clone();
        match tasks.and_then(|tasks| tasks.as_u64()) {
            Some(tasks) if u64::try_from(killed.len()).ok() == Some(tasks) => Ok(()),
            _ => Err(killed),
        }
    })
    .await;
    ends_once(&harness, &upload).await;
    let executions = harness.executions().await;
    assert_eq!(executions.len(), 1, "{executions:#?}");
    let killed = killed.into_inner().expect("a lock");
    assert_eq!(
        executions[0]["retriedCount"],
        killed.len(),
        "{executions:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_do_not_match_their_rows_are_made_again() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let fault = json!({
        "caller": TASKS, "method": "GET", "path": "/o$", "times": 100,
        "action": { "hold": "before" },
    });
    let id = harness.faults.arm(&fault).await;
    let upload = harness.upload("big/data.jsonl", rows()).await;
    harness.faults.held(&id).await;
    let (storage, bucket) = (
        harness.address("STORAGE_EMULATOR_HOST"),
        harness.address("DATASETS_BUCKET"),
    );
    let url = format!("{storage}/storage/v1/b/{bucket}/o?prefix=cleanings/");
    let listed = harness.get(&url).await;
    let name = listed["items"][0]["name"].as_str().expect("frames");
    let url = format!("{storage}/upload/storage/v1/b/{bucket}/o");
    let query = [("uploadType", "media"), ("name", name)];
    let put = harness.http.post(url).query(&query).body("no frames");
    let put = put.send().await.expect("an answer");
    assert!(put.status().is_success(), "{put:?}");
    harness.faults.clear().await;
    ends_once(&harness, &upload).await;
    let reported = harness.stack.log_lines().into_iter().any(|line| {
        let message = line.entry["message"].as_str().unwrap_or_default();
        line.function == TASKS && message.contains("do not fit")
    });
    assert!(reported, "no task logged it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_delivered_many_times_is_cleaned_by_one_job_at_a_time() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let subscription = "projects/lapidary-local/subscriptions/clean-on-object-finalized";
    harness.faults.duplicate(subscription, 5, false).await;
    let upload = harness.upload("big/data.jsonl", rows()).await;
    ends_once(&harness, &upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleaning_whose_job_fails_permanently_is_rejected_and_another_upload_starts_again() {
    let harness = Harness::start(PROGRAM, setup()).await;
    let fault = json!({
        "caller": TASKS, "path": "/upload/", "query": ".frames", "times": 100_000,
        "action": { "error": { "status": "PERMISSION_DENIED" } },
    });
    harness.faults.arm(&fault).await;
    let upload = harness.upload("big/data.jsonl", rows()).await;
    let rejected = harness.cleaned(&upload).await;
    assert_eq!(rejected.outcome, UploadOutcome::Rejected);
    assert!(
        rejected.note.contains("failed 3 times"),
        "{}",
        rejected.note
    );
    assert!(
        rejected.note.contains("upload the file again"),
        "{}",
        rejected.note
    );
    assert!(harness.executions().await.len() >= 3);
    harness.faults.clear().await;
    let again = harness.upload("big/data.jsonl", rows()).await;
    ends_once(&harness, &again).await;
}
