//! A whole system for one test: its own ports, its own memory, every function a process.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails the test"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use emulators::clock::Clock;
use local::{
    policy::POLICY,
    process::LogLine,
    session::Session,
    stack::{Stack, StackOptions},
};
use serde_json::Value;
use shared::{
    dataset::{Upload, Version},
    evaluation::EvaluationRecord,
    event::ObjectFinalized,
    google::documents::Document,
    id::RunId,
    route::{GateDecision, Route},
    run::Run,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    faults::FaultControl,
    wait::{self, ProgressCounter},
};

/// Simulated seconds per second of the wall clock: an hour of tuning takes four seconds.
pub const SPEED: f64 = 900.0;

/// Systems that run at a time, in all tests of a binary: each is eight processes, and twenty systems
/// would starve one another until every deadline passed. One more than most machines of a CI have processors,
/// because a system mostly waits.
const SYSTEMS_MAX: usize = 3;
/// Settings of `watch` for a machine that is busy: what takes a second of the wall clock takes a quarter of an
/// hour of the system's, and is not lost yet.
const PATIENCE: [(&str, &str); 2] = [
    ("WATCH_UNFOLLOWED_S", "86400"),
    ("WATCH_UNDONE_S", "604800"),
];
/// A permit for each of them.
static PERMITS: Semaphore = Semaphore::const_new(SYSTEMS_MAX);

/// A running system and its clients.
#[derive(Debug)]
pub struct Harness {
    /// The system.
    pub stack: Stack,
    /// Its clients.
    pub session: Session,
    /// Its scripted faults.
    pub faults: FaultControl,
    /// For calls that the clients do not have.
    pub http: reqwest::Client,
    /// Released last, when the system has ended.
    _permit: SemaphorePermit<'static>,
}

impl ProgressCounter for Harness {
    async fn steps(&self) -> u64 {
        self.faults.steps().await
    }
}

/// How a test's system differs from the default one.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Settings of functions.
    pub settings: BTreeMap<String, String>,
    /// Its policy; [`policy`] by default.
    pub policy: Option<String>,
    /// Where it keeps its state; in memory by default.
    pub data: Option<PathBuf>,
    /// How fast time runs; [`SPEED`] by default.
    pub speed: Option<f64>,
    /// The clock itself, instead of `speed`: that of the previous system with the same `data`.
    pub clock: Option<Clock>,
}

/// The policy of a stack on a laptop, with the routes that tests take.
pub fn policy() -> String {
    let routes = [
        ("museum", r#""guide", "museum-guide""#),
        ("birds", r#""canary""#),
        ("remarks", r#""sentiment""#),
    ];
    let routes = routes.map(|(dataset, models)| {
        format!("\n[[dataset]]\nname = \"{dataset}\"\nmodels = [{models}]\n")
    });
    format!("{POLICY}{}", routes.concat())
}

impl Setup {
    /// With one more setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Harness {
    /// Starts a system whose functions run from `program`: `env!("CARGO_BIN_EXE_lapidary-under-test")`.
    ///
    /// Waits while too many systems run already.
    pub async fn start(program: &str, setup: Setup) -> Self {
        let permit = PERMITS
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let speed = setup.speed.unwrap_or(SPEED);
        let mut settings = setup.settings;
        for (name, value) in PATIENCE {
            let setting = settings.entry(name.to_owned());
            setting.or_insert_with(|| value.to_owned());
        }
        let stack = Stack::start(StackOptions {
            program: program.into(),
            port: 0,
            data: setup.data,
            clock: setup.clock.unwrap_or_else(|| Clock::starting_now(speed)),
            policy: Some(setup.policy.unwrap_or_else(policy)),
            settings,
        })
        .await
        .expect("the stack starts");
        let addresses = stack.environment();
        let session = Session::connect(&addresses)
            .await
            .expect("its clients start");
        let endpoint = session
            .address("VERTEX_ENDPOINT")
            .expect("an address")
            .to_owned();
        Self {
            stack,
            session,
            faults: FaultControl::new(endpoint),
            http: reqwest::Client::new(),
            _permit: permit,
        }
    }

    /// Stops it gracefully; gives its clock, for the next system on the same data.
    pub async fn stop(self) -> Clock {
        let clock = self.stack.clock().clone();
        self.stack.stop().await;
        clock
    }

    /// The address called `name`.
    pub fn address(&self, name: &'static str) -> &str {
        self.session.address(name).expect("an address")
    }

    /// Uploads `content` as `object`, as a person would.
    pub async fn upload(&self, object: &str, content: impl Into<Vec<u8>>) -> ObjectFinalized {
        let address = |name| self.session.address(name).expect("an address");
        let bucket = address("UPLOADS_BUCKET");
        let uploaded: Value = self
            .http
            .post(format!(
                "{}/upload/storage/v1/b/{bucket}/o",
                address("STORAGE_EMULATOR_HOST")
            ))
            .query(&[("uploadType", "media"), ("name", object)])
            .body(content.into())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("the upload is accepted")
            .json()
            .await
            .expect("an object");
        let generation = uploaded["generation"]
            .as_str()
            .and_then(|text| text.parse().ok());
        ObjectFinalized::new(bucket, object, generation.expect("a generation"))
    }

    /// Waits until `clean` has recorded the outcome of an upload.
    pub async fn cleaned(&self, upload: &ObjectFinalized) -> Upload {
        self.document("the upload's record", &upload.upload_id())
            .await
    }

    /// Waits until the document called `id` exists.
    pub async fn document<T: Document>(&self, what: &str, id: &str) -> T {
        wait::until(what, self, async || {
            let found = self.session.documents.get::<T>(id).await;
            match found {
                Ok(Some(stored)) => Ok(stored.value),
                Ok(None) => Err(format!("no document {}/{id}", T::COLLECTION)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Waits until the run of a version exists and satisfies `is_it`.
    pub async fn run_of(&self, version: &str, what: &str, is_it: impl Fn(&Run) -> bool) -> Run {
        wait::until(what, self, async || {
            let runs = self
                .session
                .documents
                .with_field::<Run>("version", version, 10)
                .await;
            let run = runs.map_err(|error| error.to_string())?.into_iter().next();
            match run.map(|stored| stored.value) {
                Some(run) if is_it(&run) => Ok(run),
                Some(run) => Err(format!(
                    "{}: {} {:?}",
                    run.state.as_str(),
                    run.reason,
                    run.history.last()
                )),
                None => Err(format!("no run of {version}")),
            }
        })
        .await
    }

    /// Waits until the evaluation of a run has ended: it exists while the models are asked, too.
    pub async fn evaluated(&self, run: &RunId) -> EvaluationRecord {
        wait::until("the evaluation", self, async || {
            let documents = &self.session.documents;
            let found = documents.get::<EvaluationRecord>(run.as_str()).await;
            match found.map_err(|error| error.to_string())? {
                Some(stored) if stored.value.decided => Ok(stored.value),
                Some(stored) => Err(format!("{:?}", stored.value.pending)),
                None => Err("no evaluation".to_owned()),
            }
        })
        .await
    }

    /// Waits until the gate has decided on a run.
    pub async fn decision(&self, run: &RunId) -> GateDecision {
        self.document("the gate's decision", run.as_str()).await
    }

    /// Every document of a collection.
    pub async fn all<T: Document>(&self, newest_by: &str) -> Vec<T> {
        let found = self.session.documents.newest::<T>(newest_by, 500).await;
        let found = found.expect("the collection is listed");
        found.into_iter().map(|stored| stored.value).collect()
    }

    /// Every version.
    pub async fn versions(&self) -> Vec<Version> {
        self.all("created_at").await
    }

    /// Every run.
    pub async fn runs(&self) -> Vec<Run> {
        self.all("created_at").await
    }

    /// The route of a model.
    pub async fn route(&self, model: &str) -> Option<Route> {
        let found = self.session.documents.get::<Route>(model).await;
        found.expect("the route is read").map(|stored| stored.value)
    }

    /// Every tuning job that the service knows, also those that no run recorded.
    pub async fn jobs(&self) -> Vec<Value> {
        let endpoint = self.session.address("VERTEX_ENDPOINT").expect("an address");
        let project = self
            .session
            .address("GOOGLE_CLOUD_PROJECT")
            .expect("a project");
        let url = format!("{endpoint}/v1/projects/{project}/locations/us-central1/tuningJobs");
        let listed: Value = self.get(&url).await;
        listed["tuningJobs"].as_array().cloned().unwrap_or_default()
    }

    /// `GET url` as JSON.
    pub async fn get(&self, url: &str) -> Value {
        let response = self.http.get(url).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// The executions of the job for large files, as the service lists them.
    pub async fn executions(&self) -> Vec<Value> {
        let url = format!(
            "{}/v2/projects/lapidary-local/locations/us-central1/jobs/clean-large/executions",
            self.address("RUN_ENDPOINT")
        );
        let listed = self.get(&url).await;
        listed["executions"].as_array().cloned().unwrap_or_default()
    }

    /// Publishes raw `data` to `topic`, as a broken publisher would.
    pub async fn publish(&self, topic: &str, data: &[u8], attributes: &Value) {
        use base64::Engine as _;
        let host = self
            .session
            .address("PUBSUB_EMULATOR_HOST")
            .expect("an address");
        let project = self
            .session
            .address("GOOGLE_CLOUD_PROJECT")
            .expect("a project");
        let data = base64::prelude::BASE64_STANDARD.encode(data);
        self.http
            .post(format!(
                "http://{host}/v1/projects/{project}/topics/{topic}:publish"
            ))
            .json(&serde_json::json!({ "messages": [{ "data": data, "attributes": attributes }] }))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .expect("the message is published");
    }

    /// Waits until no message is pending, then asserts that there is neither a dead letter nor an error
    /// in a log.
    pub async fn assert_quiet(&self) {
        self.settled().await;
        let errors: Vec<Arc<LogLine>> = self
            .stack
            .log_lines()
            .into_iter()
            .filter(|line| line.entry["severity"] == "ERROR")
            .collect();
        assert!(errors.is_empty(), "functions logged errors: {errors:#?}");
        assert_eq!(self.backlog("dead-letters-pull").await, 0, "dead letters");
    }

    /// Waits until `subscription` has a message that its function has not got.
    pub async fn has_message(&self, subscription: &str) {
        wait::until("a message", self, async || {
            match self.backlog(subscription).await {
                0 => Err("not published"),
                _ => Ok(()),
            }
        })
        .await;
    }

    /// Waits until every subscription that is pushed is empty.
    pub async fn settled(&self) {
        wait::until("no message to be pending", self, async || {
            let mut busy = BTreeMap::new();
            for (name, topic, ..) in self.stack.topology().subscriptions() {
                let backlog = self.backlog(&name).await;
                // There is always a next tick.
                if backlog > 0 && topic != "tick" {
                    busy.insert(name, backlog);
                }
            }
            if busy.is_empty() { Ok(()) } else { Err(busy) }
        })
        .await;
    }

    /// The number of unacknowledged messages of a subscription.
    pub async fn backlog(&self, subscription: &str) -> u64 {
        let host = self
            .session
            .address("PUBSUB_EMULATOR_HOST")
            .expect("an address");
        let all = self.get(&format!("http://{host}/emulator/pubsub")).await;
        let found = all["subscriptions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| {
                let name = one["name"].as_str().unwrap_or_default();
                name.ends_with(&format!("/{subscription}"))
            });
        let found = found.unwrap_or_else(|| panic!("no subscription {subscription} in {all}"));
        let count = |field: &str| found[field].as_u64().unwrap_or_default();
        count("undelivered")
    }
}

/// The rows and the recipe of an example that the product ships.
pub fn example(name: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../infra/local/examples")
        .join(name);
    let read = |file: &str| {
        std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
    };
    (read("data.jsonl"), read("recipe.toml"))
}
