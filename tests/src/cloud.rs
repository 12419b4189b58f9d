//! Cloud Run with some functions, for tests of releases: real processes behind the emulator's tags.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper fails the test"
)]

use std::{path::PathBuf, process::Stdio};

use emulators::{Emulators, Options, clock::Clock};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{faults::FaultControl, wait};

/// The project of all resources.
const PROJECT: &str = "lapidary-release";
/// The region of all resources.
const REGION: &str = "europe-west4";
/// How long each traffic step is observed by default.
pub const SOAK: &str = "0.2s";

/// The deployed functions, in the order in which a release updates them: one is called, two are
/// pushed to, and one of these has a job.
pub const FUNCTIONS: [&str; 3] = ["predict", "deploy", "clean"];

/// Cloud Run, and what a release needs of the other services.
#[derive(Debug)]
pub struct Cloud {
    /// Its scripted faults.
    pub faults: FaultControl,
    emulators: Emulators,
    url: String,
    http: reqwest::Client,
    folder: PathBuf,
    rollout: &'static str,
}

/// How a release ended.
#[derive(Debug)]
pub struct ReleaseOutput {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output and standard error.
    pub output: String,
}

/// An image whose digest consists of `digit`.
pub fn image(function: &str, digit: char) -> String {
    let digest: String = std::iter::repeat_n(digit, 64).collect();
    format!("{REGION}-docker.pkg.dev/{PROJECT}/lapidary/{function}@sha256:{digest}")
}

impl Cloud {
    /// Starts with the topic and a job only. Releases run the binary `rollout`, and read their input
    /// from `folder`.
    pub async fn start(rollout: &'static str, folder: PathBuf) -> Self {
        let emulators = Emulators::start(Options {
            project: PROJECT.to_owned(),
            port: 0,
            data: None,
            clock: Clock::starting_now(1.0),
            listeners: Vec::new(),
        });
        let emulators = emulators.await.expect("the emulators start");
        let url = format!("http://{}", emulators.address());
        let cloud = Self {
            faults: FaultControl::new(url.clone()),
            emulators,
            url,
            http: reqwest::Client::new(),
            folder,
            rollout,
        };
        let topic = format!("/v1/projects/{PROJECT}/topics/smoke");
        cloud.done("PUT", &topic, json!({})).await;
        let container = json!({ "image": image("clean", '0') });
        let job = json!({ "template": { "template": { "containers": [container] } } });
        let jobs = format!("{}?jobId=clean-large", path("jobs"));
        cloud.done("POST", &jobs, job).await;
        cloud
    }

    /// The same with every function, served by revisions of the images `0` that run `program`.
    pub async fn with_functions(program: &str, rollout: &'static str, folder: PathBuf) -> Self {
        let cloud = Self::start(rollout, folder).await;
        for function in FUNCTIONS {
            cloud.create(program, function).await;
        }
        for function in FUNCTIONS {
            cloud
                .service_when(function, "its first revision", |service| {
                    service["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"
                })
                .await;
        }
        cloud
    }

    /// Creates the service of `function`, as Terraform does.
    pub async fn create(&self, program: &str, function: &str) {
        let audience = format!("https://{function}.{PROJECT}.example");
        let mut variables = self.emulators.environment();
        let more = [
            ("HOST", "127.0.0.1"),
            ("WORKERS", "1"),
            ("PUSH_AUTH", "verify"),
            ("PROGRAM_AUTH", "verify"),
            ("PROGRAM_AUDIENCE", &audience),
            ("PROGRAM_JWKS_URL", &format!("{}/certs", self.url)),
            ("PUSH_AUDIENCE", &audience),
            ("PUSH_EMAIL", &push_account(function)),
            ("DATASETS_BUCKET", "datasets"),
            ("UPLOADS_BUCKET", "uploads"),
            ("CLEAN_JOB", "job"),
            ("POLICY_URI", "gs://policy/policy.toml"),
        ];
        variables.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let pair = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        let env: Vec<Value> = variables.iter().map(pair).collect();
        let body = json!({
            "customAudiences": [audience],
            "template": { "timeout": "300s", "containers": [{
                "image": image(function, '0'),
                "command": [program, "serve", function],
                "env": env,
            }]},
        });
        let services = format!("{}?serviceId={function}", path("services"));
        self.done("POST", &services, body).await;
    }

    /// Sets how the next revisions of `function` behave: `fails`, `never_ready`, `answers_500`,
    /// `does_nothing`, `works`.
    pub async fn conduct(&self, function: &str, conduct: &str) {
        let body = json!({ "service": function, "conduct": conduct });
        self.done("POST", "/emulator/run/conduct", body).await;
    }

    /// Records `count` requests of a revision in Monitoring.
    pub async fn measure(&self, revision: &str, class: &str, count: u32) {
        let clock = self.get("/emulator/clock").await;
        let body = json!({ "timeSeries": [{
            "metric": {
                "type": "run.googleapis.com/request_count",
                "labels": { "response_code_class": class },
            },
            "resource": {
                "type": "cloud_run_revision",
                "labels": { "revision_name": revision },
            },
            "points": [{
                "interval": { "endTime": clock["now"] },
                "value": { "int64Value": count.to_string() },
            }],
        }]});
        self.done("POST", "/emulator/monitoring/points", body).await;
    }

    /// The current state of a service.
    pub async fn service(&self, function: &str) -> Value {
        self.get(&format!("{}/{function}", path("services"))).await
    }

    /// Changes a setting or the image in the template of `function`, as Terraform does.
    pub async fn change(&self, function: &str, pointer: &str, value: Value) {
        let mut service = self.service(function).await;
        *service
            .pointer_mut(pointer)
            .expect("a field of the service") = value;
        let path = format!("{}/{function}?updateMask=template", path("services"));
        let body = json!({ "template": service["template"] });
        self.done("PATCH", &path, body).await;
    }

    /// Waits until a service satisfies `is_it`.
    pub async fn service_when(
        &self,
        function: &str,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        wait::until(what, &self.faults, async || {
            let service = self.service(function).await;
            if is_it(&service) {
                Ok(service)
            } else {
                Err(service)
            }
        })
        .await
    }

    /// The digit of the image that gets all traffic of `function`; fails if the traffic is split, or
    /// a canary is left over.
    pub async fn serves(&self, function: &str) -> char {
        let service = self.service(function).await;
        let statuses = service["trafficStatuses"].as_array().expect("statuses");
        let [status] = statuses.as_slice() else {
            panic!("the traffic of {function} is split: {statuses:#?}");
        };
        assert_eq!(status["percent"], 100, "{function}");
        assert!(status["tag"].is_null(), "a tag is left over: {status}");
        let revision = match status["revision"].as_str() {
            Some(revision) => format!("{}/{function}/revisions/{revision}", path("services")),
            None => format!(
                "/v2/{}",
                service["latestReadyRevision"].as_str().unwrap_or_default()
            ),
        };
        let revision = self.get(&revision).await;
        let ready = &revision["conditions"][0]["state"];
        assert_eq!(ready, "CONDITION_SUCCEEDED", "{function} is not ready");
        digit(&revision["containers"][0]["image"])
    }

    /// The digit of the image that the job runs.
    pub async fn job_runs(&self) -> char {
        let job = self.get(&format!("{}/clean-large", path("jobs"))).await;
        digit(&job["template"]["template"]["containers"][0]["image"])
    }

    /// The number of subscriptions.
    pub async fn subscriptions(&self) -> usize {
        let path = format!("/v1/projects/{PROJECT}/subscriptions");
        let listed = self.get(&path).await;
        listed["subscriptions"].as_array().map_or(0, Vec::len)
    }

    /// Starts a release of the images `digit` of every function.
    pub fn release(&self, digit: char, soak: &str) -> Child {
        let images: serde_json::Map<String, Value> = FUNCTIONS
            .into_iter()
            .map(|function| (function.to_owned(), image(function, digit).into()))
            .collect();
        let file = self.folder.join("images.json");
        std::fs::write(&file, Value::Object(images).to_string()).expect("a file of images");
        Command::new(self.rollout)
            .env_clear()
            .envs(self.emulators.environment())
            .args(["release", "--project", PROJECT, "--region", REGION])
            .arg("--images")
            .arg(file)
            .args(["--soak", soak, "--ready-max", "10s", "--smoke-max", "4s"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the release starts")
    }

    /// Releases the images `digit`, and waits for the end.
    pub async fn released(&self, digit: char) -> ReleaseOutput {
        self.ended(self.release(digit, SOAK)).await
    }

    /// Waits until a release has ended.
    pub async fn ended(&self, release: Child) -> ReleaseOutput {
        let output = release.wait_with_output();
        let output = wait::output("the end of the release", &self.faults, output).await;
        let output = output.expect("its output");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ReleaseOutput {
            code: output.status.code(),
            output: text(&output.stdout) + &text(&output.stderr),
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.done("GET", path, Value::Null).await
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }
}

fn path(kind: &str) -> String {
    format!("/v2/projects/{PROJECT}/locations/{REGION}/{kind}")
}

fn push_account(function: &str) -> String {
    format!("push-{function}@{PROJECT}.iam.gserviceaccount.com")
}

fn digit(image: &Value) -> char {
    let last = image.as_str().and_then(|image| image.chars().last());
    last.expect("an image")
}
