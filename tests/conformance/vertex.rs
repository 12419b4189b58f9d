//! Vertex AI through our own client against the emulator: the client draws the right conclusions.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    config::{Reader, Vars},
    google::{
        Google,
        vertex::{NewJob, TuningJob, Vertex},
    },
    id::RunId,
    job_state::JobState,
    outcome::{CallError, RpcCode},
    policy::Residency,
    retry::Budget,
    run::TuningPlan,
};
use system_tests::wait;

use crate::target::SuiteTarget;

/// Half an hour of tuning takes a second.
const SPEED: f64 = 1_800.0;
/// A job takes about a minute to stop, and half an hour to end by itself.
const CANCEL_SPEED: f64 = 60.0;
/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Questions, of which the tuned model answers at least one differently; a run may learn little.
const QUESTIONS: usize = 20;
/// A service with training rows, and its client.
struct World {
    target: SuiteTarget,
    vertex: Vertex,
}

impl World {
    async fn at(speed: f64) -> Self {
        let target = SuiteTarget::ours(speed).await;
        let vars: Vars = target
            .emulators
            .as_ref()
            .unwrap()
            .environment()
            .into_iter()
            .collect();
        let mut reader = Reader::new(&vars);
        let google = Google::read("conformance", &mut reader);
        let google = reader.finish(|| google).unwrap();
        let vertex = google.vertex().unwrap();
        let buckets = format!("/storage/v1/b?project={}", target.project);
        target
            .done("POST", &buckets, json!({ "name": "rows" }))
            .await;
        let turn = |role: &str, text: String| json!({ "role": role, "parts": [{ "text": text }] });
        let row = |number: usize| {
            let asked = turn("user", format!("What is stone {number}?"));
            let answered = turn("model", format!("Stone {number} is a gem cut with care."));
            format!("{}\n", json!({ "contents": [asked, answered] }))
        };
        let rows: String = (0..200).map(row).collect();
        let upload = "/upload/storage/v1/b/rows/o?uploadType=media&name=train.jsonl";
        let upload = target
            .http
            .post(format!("{}{upload}", target.url))
            .body(rows);
        assert!(upload.send().await.unwrap().status().is_success());
        Self { target, vertex }
    }

    async fn create(&self, run: &RunId) -> Result<TuningJob, CallError> {
        self.create_with(run, "gemini-3.1-flash-lite").await
    }

    async fn create_with(&self, run: &RunId, base_model: &str) -> Result<TuningJob, CallError> {
        let plan = TuningPlan {
            base_model: base_model.to_owned(),
            region: "us-central1".to_owned(),
            epochs: 3,
            learning_rate_multiplier: 1.0,
            adapter_size: 4,
        };
        let train = "gs://rows/train.jsonl".parse().unwrap();
        let job = NewJob {
            attempt: 1,
            run,
            plan: &plan,
            train: &train,
            validation: None,
        };
        self.vertex.create_job(&job, CALL_MAX).await
    }

    /// Waits until a job has ended.
    async fn ended(&self, name: &str) -> TuningJob {
        wait::until("the end of the job", &(), async || {
            let job = self.vertex.job(name).await.unwrap();
            if job.is_final() {
                Ok(job)
            } else {
                Err(job.state)
            }
        })
        .await
    }

    /// Asks `model` about a stone.
    async fn answer(&self, model: &str, stone: usize) -> Value {
        let question = question(stone);
        let answer = self
            .vertex
            .generate(model, &question, Budget::ONCE, CALL_MAX);
        answer.await.unwrap()
    }

    async fn control(&self, settings: Value) {
        self.target.done("POST", "/emulator/vertex", settings).await;
    }
}

async fn jobs_of(world: &World, id: &str) -> Vec<TuningJob> {
    let listed = world.vertex.jobs_in("us-central1", &run(id)).await.unwrap();
    assert!(listed.complete);
    listed.jobs
}

fn run(id: &str) -> RunId {
    id.parse().unwrap()
}

fn question(stone: usize) -> Value {
    let text = format!("What is stone {stone}?");
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_found_by_name_and_by_the_label_of_its_run() {
    let world = World::at(1.0).await;
    let made = world.create(&run("tickets-a-1")).await.unwrap();
    assert!(made.name.contains("/tuningJobs/"), "{}", made.name);
    assert!(!made.is_final());
    assert!(made.create_time.is_some());
    let read = world.vertex.job(&made.name).await.unwrap();
    assert_eq!((&read.name, read.is_final()), (&made.name, false));
    let found = jobs_of(&world, "tickets-a-1").await;
    let names: Vec<&str> = found.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, [made.name.as_str()]);
    let others = jobs_of(&world, "tickets-a-2").await;
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_found_on_page_two() {
    let world = World::at(1.0).await;
    world.control(json!({ "concurrent_jobs": 200 })).await;
    for _ in 0..101 {
        world.create(&run("tickets-a-1")).await.unwrap();
    }
    let found = jobs_of(&world, "tickets-a-1").await;
    assert_eq!(found.len(), 101, "a page has 100");
    assert!(found.is_sorted_by_key(|job| job.create_time));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_too_many_is_a_quota_error() {
    let world = World::at(1.0).await;
    world.create(&run("tickets-a-1")).await.unwrap();
    let error = world.create(&run("tickets-a-2")).await.unwrap_err();
    assert!(matches!(error, CallError::NotNow { .. }), "{error:?}");
    let none = jobs_of(&world, "tickets-a-2").await;
    assert!(none.is_empty(), "a rejected job exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_says_when_to_retry_and_a_retry_succeeds() {
    let world = World::at(1.0).await;
    let fault = json!({
        "path": ":generateContent",
        "times": 2,
        "action": { "error": { "status": "RESOURCE_EXHAUSTED", "retry_after_s": 3 } },
    });
    world.target.done("POST", "/emulator/faults", fault).await;
    let model = world
        .vertex
        .base_model("gemini-3.1-flash-lite", Residency::Global);
    let url = format!("{}/v1/{model}:generateContent", world.target.url);
    let refused = world.target.http.post(url).json(&question(7)).send().await;
    let refused = refused.unwrap();
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "3");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    let twice = Budget {
        attempts: 2,
        ..Budget::default()
    };
    let question = question(7);
    let answer = world.vertex.generate(&model, &question, twice, CALL_MAX);
    let answer = answer.await.unwrap();
    assert!(answer["candidates"][0]["content"].is_object(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_is_distinguished_from_a_passing_failure() {
    let world = World::at(1.0).await;
    let refused = world
        .create_with(&run("tickets-a-1"), "no-such-model")
        .await;
    assert!(
        matches!(&refused, Err(CallError::No(no)) if no.code == Some(RpcCode::InvalidArgument)),
        "{refused:?}"
    );
    let name = format!(
        "projects/{}/locations/us-central1/tuningJobs/7",
        world.target.project
    );
    let missing = world.vertex.job(&name).await;
    assert!(matches!(missing, Err(CallError::Missing(_))), "{missing:?}");
    let fault = json!({
        "path": "/tuningJobs$",
        "method": "POST",
        "action": { "drop": "after" },
    });
    world.target.done("POST", "/emulator/faults", fault).await;
    let unknown = world.create(&run("tickets-a-1")).await;
    assert!(matches!(unknown, Err(CallError::Unknown(_))), "{unknown:?}");
    let found = jobs_of(&world, "tickets-a-1").await;
    assert_eq!(found.len(), 1, "the answer was lost, the job was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_cancelled_and_cancelling_again_is_harmless() {
    let world = World::at(CANCEL_SPEED).await;
    let job = world.create(&run("tickets-a-1")).await.unwrap();
    world.vertex.cancel_job(&job.name).await.unwrap();
    world.vertex.cancel_job(&job.name).await.unwrap();
    let ended = world.ended(&job.name).await;
    assert_eq!(ended.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_succeeds_leaves_curves_checkpoints_and_a_model_that_answers() {
    let world = World::at(SPEED).await;
    let run = run("tickets-a-1");
    let made = world.create(&run).await.unwrap();
    let ended = world.ended(&made.name).await;
    assert_eq!(ended.state, JobState::Succeeded);
    let record = ended.record(None, chrono::DateTime::UNIX_EPOCH);
    assert_eq!(record.completed_epochs, Some(3));
    assert!(record.billable_tokens > Some(0), "{record:?}");
    assert_eq!(record.checkpoints.len(), 3, "one an epoch");

    let curve = world.vertex.curve(&run, &ended).await.unwrap().unwrap();
    assert!(curve.is_of(&ended.name), "{}", curve.job);
    let accuracy = "/train_fraction_of_correct_next_step_preds";
    assert!(!curve.series[accuracy].is_empty(), "every series is kept");
    assert_eq!(curve.train.len() as u64, record.steps_total.unwrap());
    assert!(curve.train.is_sorted_by_key(|point| point.step));
    let loss = |at: usize| curve.train[at].loss.unwrap();
    assert!(loss(curve.train.len() - 1) < loss(0), "nothing was learnt");

    let endpoint = record.endpoint.unwrap();
    let base = world
        .vertex
        .base_model("gemini-3.1-flash-lite", Residency::Global);
    let mut differ = 0;
    for stone in 0..QUESTIONS {
        let tuned = world.answer(&endpoint, stone).await;
        assert_eq!(tuned["candidates"][0]["finishReason"], "STOP");
        assert!(tuned["usageMetadata"]["totalTokenCount"].is_u64());
        let base = world.answer(&base, stone).await;
        differ +=
            usize::from(tuned["candidates"][0]["content"] != base["candidates"][0]["content"]);
    }
    assert!(differ > 0, "the tuned model answers as its base does");

    let model = record.model.unwrap();
    let first = &record.checkpoints[0].id;
    world.vertex.choose_checkpoint(&model, first).await.unwrap();
    let chosen = model.split('@').next().unwrap();
    let read = format!("/v1/{chosen}");
    let read = world.target.done("GET", &read, Value::Null).await;
    assert_eq!(read["defaultCheckpointId"], first.as_str());
    let missing = world.vertex.choose_checkpoint(&model, "99").await;
    assert!(matches!(
        missing,
        Err(CallError::No(_) | CallError::Missing(_))
    ));
}
