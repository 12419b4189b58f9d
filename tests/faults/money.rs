//! The promise: what the service may do costs no second job, stops no healthy one, loses no run, and
//! spends nothing above a cap.
//!
//! Every test stands for a way in which a paid service was seen, or is documented, to behave. Effects
//! are asserted where there are any: calls that create and cancel, ends of runs, error lines.

mod attempts;
mod cancel;
mod create;
mod curve;
mod incidents;
mod ledger;
mod location;
mod policy;
mod queue;
mod reuse;
mod stuck;

use std::time::Duration;

use chrono::{Datelike as _, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    event::ObjectFinalized,
    google::documents::Document,
    id::RunId,
    run::{Run, State},
};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::{ProxyMode, VertexProxy},
    wait,
};

use crate::PROGRAM;

/// More calls than any test makes.
const ALWAYS: u32 = 1_000_000;
/// Simulated seconds of a step of a job of hours, which `watch` sees in every state on a busy machine too.
const LONG_STEP_S: f64 = 600.0;
/// A model of two epochs, within every budget.
const RECIPE: &str = "[tune]\nepochs = 2";

/// The document of a run, whatever its fields.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct RunFields(Value);

impl Document for RunFields {
    const COLLECTION: &'static str = "runs";
}

/// A document of the job ledger, whatever its fields.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct JobFields(Value);

impl Document for JobFields {
    const COLLECTION: &'static str = "jobs";
}

/// What a month has cost, whatever its fields.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct SpendFields(Value);

impl Document for SpendFields {
    const COLLECTION: &'static str = "spend";
}

/// Starts a system behind a proxy, in which a step takes `step_s` simulated seconds.
async fn start(setup: Setup, step_s: f64, modes: &[ProxyMode]) -> (Harness, VertexProxy) {
    let (harness, proxy) = VertexProxy::before(PROGRAM, setup).await;
    for mode in modes {
        proxy.add(mode.clone());
    }
    let lenient = json!({ "concurrent_jobs": 8, "seconds_per_step": step_s });
    harness.set_vertex(&lenient).await;
    (harness, proxy)
}

/// Rows that tune well in a few steps.
fn rows(count: usize) -> String {
    let row = |number: usize| {
        let input = format!("Where does train number {number} stop on its way north?");
        let platform = number % 7;
        let output = format!("Train {number} stops at platform {platform} of the old harbour.");
        json!({ "input": input, "output": output }).to_string() + "\n"
    };
    (1..=count).map(row).collect()
}

/// Waits for the end of the run of `upload`.
async fn ended(harness: &Harness, upload: &ObjectFinalized) -> Run {
    let is_final = |run: &Run| run.state.is_final();
    harness.run_from(upload, "the run to end", is_final).await
}

/// Waits until the run of `upload` runs.
async fn running(harness: &Harness, upload: &ObjectFinalized) -> Run {
    let runs = |run: &Run| run.state != State::Queued;
    harness
        .run_from(upload, "the run to be submitted", runs)
        .await
}

/// Waits for the end of the run of `upload`, and asserts that it made a model.
async fn succeeds(harness: &Harness, upload: &ObjectFinalized) -> Run {
    let run = ended(harness, upload).await;
    let history = &run.history;
    assert_eq!(run.state, State::Succeeded, "{}: {history:#?}", run.reason);
    run
}

/// The fields of a run.
async fn fields(harness: &Harness, run: &RunId) -> Value {
    let found = harness
        .session
        .documents
        .get::<RunFields>(run.as_str())
        .await;
    found
        .expect("the run is read")
        .map_or(Value::Null, |stored| stored.value.0)
}

/// Waits until the fields of a run satisfy `are_they`; fails at once where the run ends before.
async fn fields_of(
    harness: &Harness,
    run: &RunId,
    what: &str,
    are_they: impl Fn(&Value) -> bool,
) -> Value {
    let patience = Patience::new(harness);
    wait::until(what, harness, async || {
        let fields = fields(harness, run).await;
        if are_they(&fields) {
            return Ok(fields);
        }
        assert!(!has_ended(&fields), "ended before {what}: {fields:#}");
        patience.pause(harness, what).await;
        Err(fields)
    })
    .await
}

/// What was not found out in as many ticks, six hours, is never found out; a run that is polled and a
/// call that is repeated look busy to other waits.
struct Patience {
    since: usize,
}

/// The ticks of six hours.
const TICKS_MAX: usize = 360;
/// Between two looks at the log, which is long.
const LOG_PAUSE: Duration = Duration::from_millis(250);

impl Patience {
    fn new(harness: &Harness) -> Self {
        Self {
            since: ticks(harness),
        }
    }

    async fn pause(&self, harness: &Harness, what: &str) {
        tokio::time::sleep(LOG_PAUSE).await;
        let passed = ticks(harness) - self.since;
        assert!(passed < TICKS_MAX, "{what}: not in {passed} ticks");
    }
}

/// How many ticks `watch` has handled.
fn ticks(harness: &Harness) -> usize {
    let lines = harness.stack.log_lines();
    let polled = lines
        .iter()
        .filter(|line| line.entry["outcome"] == "polled");
    polled.count()
}

fn has_ended(run: &Value) -> bool {
    ["succeeded", "failed", "cancelled"].contains(&text(&run["state"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a run is expected to cost in US dollars, at most where there are two figures.
fn estimated_usd(run: &Value) -> f64 {
    let estimate = &run["estimate"];
    let usd = estimate.get("usd_high").unwrap_or(&estimate["usd"]);
    usd.as_f64().unwrap_or_default()
}

/// What only a person can act on; alert policies match these findings (`infra/topology.json`).
const FOR_A_PERSON: [&str; 4] = ["stuck", "no_metrics", "over_time", "over_budget"];

/// The lines about a run that call a person: errors, and findings that stop nothing by themselves.
fn errors_about(harness: &Harness, run: &RunId) -> Vec<String> {
    let calls = |entry: &Value| {
        let finding = entry["jsonPayload"]["finding"].as_str();
        let finding = finding.or_else(|| entry["finding"].as_str());
        entry["severity"] == "ERROR" || finding.is_some_and(|it| FOR_A_PERSON.contains(&it))
    };
    let lines = harness.stack.log_lines().into_iter();
    lines
        .filter(|line| calls(&line.entry))
        .map(|line| line.entry.to_string())
        .filter(|line| line.contains(run.as_str()))
        .collect()
}

/// Waits for the lines about `run` that call a person: they are written after the document that shows why.
async fn calls_about(harness: &Harness, run: &RunId) -> Vec<String> {
    wait::until("a line that calls a person", harness, async || {
        let lines = errors_about(harness, run);
        if lines.is_empty() { Err(()) } else { Ok(lines) }
    })
    .await
}

/// Waits until a person is called about `run`, in a line with `word`; fails at once where the run ends
/// before.
async fn person_is_called(harness: &Harness, run: &RunId, word: &str) -> String {
    let patience = Patience::new(harness);
    wait::until("an error line about the run", harness, async || {
        // In this order: a line that stands is found, also where the run has ended since.
        let fields = fields(harness, run).await;
        let lines = errors_about(harness, run);
        if let Some(found) = lines.iter().find(|line| line.contains(word)) {
            return Ok(found.clone());
        }
        assert!(
            !has_ended(&fields),
            "ended without an error line: {fields:#}"
        );
        patience.pause(harness, "an error line about the run").await;
        Err(lines)
    })
    .await
}

/// The documents of the job ledger that belong to `run`.
async fn ledger_of(harness: &Harness, run: &RunId) -> Vec<Value> {
    let all = harness.all::<JobFields>("first_seen").await;
    let of_run = |job: &Value| job["run"] == run.as_str();
    all.into_iter().map(|job| job.0).filter(of_run).collect()
}

/// The entry of an attempt in the document of its month, such as `RUN.1`. A run that takes simulated days
/// may have begun in the month before.
async fn spend_of(harness: &Harness, run: &RunId, attempt: u32) -> Value {
    let now = harness.stack.clock().now();
    let before = now - TimeDelta::days(i64::from(now.day()));
    for at in [now, before] {
        let month = at.format("%Y-%m").to_string();
        let found = harness.session.documents.get::<SpendFields>(&month).await;
        let found = found.expect("the month is read");
        let entry = found.map(|month| month.value.0["entries"][format!("{run}.{attempt}")].clone());
        if let Some(entry) = entry.filter(|entry| !entry.is_null()) {
            return entry;
        }
    }
    panic!("no month has an entry of {run}");
}

/// Replaces the policy of the operators.
async fn set_policy(harness: &Harness, policy: &str) {
    let bucket = harness.session.address("POLICY_BUCKET");
    let bucket = bucket.expect("the system has a bucket for the policy");
    let storage = harness.address("STORAGE_EMULATOR_HOST");
    let url = format!("{storage}/upload/storage/v1/b/{bucket}/o");
    let query = [("uploadType", "media"), ("name", "policy.toml")];
    let call = harness.http.post(url).query(&query).body(policy.to_owned());
    let answer = call.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}
