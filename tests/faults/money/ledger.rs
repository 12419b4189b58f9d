//! Every job with our label is known, whatever its run's state, in every region.

use serde_json::{Value, json};
use shared::id::RunId;
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use super::{JobFields, LONG_STEP_S, Patience, RECIPE, ledger_of, rows, spend_of, start, succeeds};

/// Creates a job as a process would that no run knows: with our label, in `region`.
async fn orphan(harness: &Harness, region: &str) -> String {
    let rows = "gs://lapidary-local-uploads/orphan/rows.jsonl";
    let line = json!({ "contents": [
        { "role": "user", "parts": [{ "text": "Where is it?" }] },
        { "role": "model", "parts": [{ "text": "It is in the old harbour." }] },
    ]});
    let lines = format!("{line}\n").repeat(40);
    harness.upload("orphan/rows.jsonl", lines).await;
    let (endpoint, project) = (
        harness.address("VERTEX_ENDPOINT"),
        harness.address("GOOGLE_CLOUD_PROJECT"),
    );
    let url = format!("{endpoint}/v1/projects/{project}/locations/{region}/tuningJobs");
    let body = json!({
        "baseModel": "gemini-3.1-flash-lite",
        "supervisedTuningSpec": { "trainingDatasetUri": rows },
        "labels": { "lapidary_run": "lost-a-b", "app": "lapidary" },
    });
    let created = harness.http.post(url).json(&body).send().await;
    let created: Value = created.expect("an answer").json().await.expect("JSON");
    created["name"].as_str().expect("a job").to_owned()
}

/// A job without a run is cancelled, until it has ended.
async fn check_orphan(region: &str) {
    let (harness, proxy) = start(Setup::default(), 3_600.0, &[]).await;
    let name = orphan(&harness, region).await;
    let id = name.rsplit('/').next().expect("an id").to_owned();
    let document = format!("{region}-{id}");
    let patience = Patience::new(&harness);
    let ended = wait::until("the orphan to end", &harness, async || {
        let found = harness.session.documents.get::<JobFields>(&document).await;
        let entry = found
            .expect("it is read")
            .map_or(Value::Null, |stored| stored.value.0);
        let is_over = entry["state"] == "JOB_STATE_CANCELLED";
        if is_over {
            return Ok(entry);
        }
        patience.pause(&harness, "the end of the orphan").await;
        Err(entry)
    })
    .await;
    assert_eq!(ended["owner"], "orphan");
    assert!(proxy.cancels() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_run_is_cancelled() {
    check_orphan("us-central1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_run_in_the_other_region_is_cancelled() {
    check_orphan("europe-west4").await;
}

/// The one entry of `run` in the ledger, once its cost is known: the ledger sees the end of a job later
/// than the run does, and settles then.
async fn settled(harness: &Harness, run: &RunId) -> Value {
    let patience = Patience::new(harness);
    wait::until("the cost of the job", harness, async || {
        let ledger = ledger_of(harness, run).await;
        let [entry] = &ledger[..] else {
            panic!("one job has one entry: {ledger:#?}");
        };
        let month = spend_of(harness, run, 1).await;
        if entry["cost_micros"].is_u64() && month["settled_micros"].is_u64() {
            return Ok(entry.clone());
        }
        patience.pause(harness, "the cost of the job").await;
        Err((entry.clone(), month))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_holds_what_was_sent_answered_and_paid() {
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &[]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    let entry = settled(&harness, &run.id).await;
    let requests = proxy.requests();
    let sent = requests
        .iter()
        .find(|seen| seen.is_create())
        .expect("a creation");
    let recorded = entry["request"].as_str().expect("the text that was sent");
    let recorded: Value = serde_json::from_str(recorded).expect("JSON");
    assert_eq!(Some(&recorded), sent.body.as_ref());
    assert_eq!(entry["attempt"], 1);
    assert_eq!(entry["state"], "JOB_STATE_SUCCEEDED");
    let answers = entry["answers"].as_array().expect("answers");
    assert!(answers.len() > 2, "each change: {answers:#?}");
    assert!(entry["cost_micros"].as_u64() > Some(0), "{entry:#}");
    let month = spend_of(&harness, &run.id, 1).await;
    assert_eq!(month["settled_micros"], entry["cost_micros"]);
    assert!(month["settled_micros"].as_u64() <= month["reserved_micros"].as_u64());
}
