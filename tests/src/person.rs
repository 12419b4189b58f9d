//! A person's view of a system: uploads, objects, pages, answers, commands.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's helper fails the test"
)]

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Output,
};

use reqwest::{Response, StatusCode, redirect};
use serde_json::Value;
use shared::{dataset::Version, event::ObjectFinalized, run::Run, uri::Artifact};

use crate::{
    harness::{Harness, example},
    wait,
};

impl Harness {
    /// Uploads the recipe, then the rows, into the folder of a dataset.
    pub async fn drop_rows(&self, dataset: &str, recipe: &str, rows: &str) -> ObjectFinalized {
        self.upload(&format!("{dataset}/recipe.toml"), recipe).await;
        self.upload(&format!("{dataset}/data.jsonl"), rows).await
    }

    /// Uploads an example that the product ships into the folder of a dataset.
    pub async fn drop_example(&self, name: &str, dataset: &str) -> ObjectFinalized {
        let (rows, recipe) = example(name);
        self.upload(&format!("{dataset}/recipe.toml"), recipe).await;
        self.upload(&format!("{dataset}/data.jsonl"), rows).await
    }

    /// Waits until an upload has become a version.
    pub async fn version_of(&self, upload: &ObjectFinalized) -> Version {
        let upload = self.cleaned(upload).await;
        let version = upload.version.expect(&upload.note);
        self.document("the version", version.as_str()).await
    }

    /// Waits until an upload has led to a run that satisfies `is_it`.
    pub async fn run_from(
        &self,
        upload: &ObjectFinalized,
        what: &str,
        is_it: impl Fn(&Run) -> bool,
    ) -> Run {
        let version = self.version_of(upload).await;
        self.run_of(version.id.as_str(), what, is_it).await
    }

    /// Waits until the newest run of all satisfies `is_it`.
    pub async fn any_run(&self, what: &str, is_it: impl Fn(&Run) -> bool) -> Run {
        wait::until(what, self, async || {
            match self.runs().await.into_iter().next() {
                Some(run) if is_it(&run) => Ok(run),
                other => Err(other.map(|run| (run.state, run.reason))),
            }
        })
        .await
    }

    /// The bytes of one generation.
    pub async fn object(&self, artifact: &Artifact) -> Vec<u8> {
        let uri = &artifact.uri;
        let url = format!(
            "{}/storage/v1/b/{}/o/{}",
            self.address("STORAGE_EMULATOR_HOST"),
            uri.bucket,
            uri.object.replace('/', "%2F")
        );
        let generation = artifact.generation.to_string();
        let query = [("alt", "media"), ("generation", generation.as_str())];
        let response = self.http.get(url).query(&query).send().await;
        let response = response.and_then(Response::error_for_status);
        let response = response.expect("the object exists");
        response.bytes().await.expect("its bytes").to_vec()
    }

    /// Sends a request for `model` to `predict`; gives the status and the body.
    pub async fn ask(&self, model: &str, request: &Value) -> (StatusCode, Value) {
        self.ask_raw(model, request.to_string()).await
    }

    /// The same with any body.
    pub async fn ask_raw(&self, model: &str, body: String) -> (StatusCode, Value) {
        let url = format!(
            "{}/v1/models/{model}:generateContent",
            self.address("PREDICT_URL")
        );
        let answer = self.http.post(url).body(body).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        (status, answer.json().await.expect("JSON"))
    }

    /// Posts a form to the console as a browser does on a page of `origin`; gives the status, and where the
    /// browser is sent.
    pub async fn submit(&self, path: &str, origin: &str, fields: &str) -> (StatusCode, String) {
        let ours = self.address("CONSOLE_URL");
        let browser = reqwest::Client::builder().redirect(redirect::Policy::none());
        let site = if origin == ours {
            "same-origin"
        } else {
            "cross-site"
        };
        let answer = browser
            .build()
            .expect("a client")
            .post(format!("{ours}{path}"))
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields.to_owned())
            .send()
            .await
            .expect("an answer");
        let location = answer.headers().get("location");
        let location = location.map_or("", |it| it.to_str().expect("ASCII"));
        (answer.status(), location.to_owned())
    }

    /// A page of the console.
    pub async fn page(&self, path: &str) -> (StatusCode, String) {
        let url = format!("{}{path}", self.address("CONSOLE_URL"));
        let page = self.http.get(url).send().await.expect("a page");
        (page.status(), page.text().await.expect("text"))
    }

    /// Changes settings of the Vertex AI emulator.
    pub async fn set_vertex(&self, settings: &Value) {
        let url = format!("{}/emulator/vertex", self.address("VERTEX_ENDPOINT"));
        let answer = self.http.post(url).json(settings).send().await;
        let answer = answer.and_then(Response::error_for_status);
        answer.expect("the settings are accepted");
    }

    /// Waits until `watch` has finished `times` more ticks: whatever there is to find, it has found.
    pub async fn watched(&self, times: usize) {
        let ticks = || {
            let lines = self.stack.log_lines();
            let finished = lines
                .iter()
                .filter(|line| line.entry["outcome"] == "polled");
            finished.count()
        };
        let before = ticks();
        wait::until("watch to finish its ticks", self, async || {
            let more = ticks().saturating_sub(before);
            if more >= times { Ok(()) } else { Err(more) }
        })
        .await;
    }

    /// Runs a command of `program` on the system, and waits for its end.
    pub async fn command(&self, program: &str, arguments: &[&str]) -> Output {
        let directory = tempfile::tempdir().expect("a directory");
        let env = self.env_file(directory.path());
        let env = env.to_str().expect("UTF-8");
        command(program, &[arguments, &["--env-file", env]].concat()).await
    }

    /// Runs a command of `program` that must succeed; gives what it printed.
    pub async fn expect_command(&self, program: &str, arguments: &[&str]) -> String {
        let ended = self.command(program, arguments).await;
        assert!(ended.status.success(), "{ended:?}");
        String::from_utf8(ended.stdout).expect("UTF-8")
    }

    /// Writes the addresses of the system to an env file for commands.
    pub fn env_file(&self, directory: &Path) -> PathBuf {
        let mut text = String::new();
        for (name, value) in self.stack.environment() {
            writeln!(text, "{name}={value}").expect("memory");
        }
        let file = directory.join("env");
        std::fs::write(&file, text).expect("a file");
        file
    }
}

/// Runs a command of `program`, and waits for its end.
pub async fn command(program: &str, arguments: &[&str]) -> Output {
    let ended = tokio::process::Command::new(program)
        .args(arguments)
        .env_remove("USER")
        .output();
    ended.await.expect("the command runs")
}

/// Whether a command succeeded, and what it printed.
pub fn said(ended: Output) -> (bool, String) {
    let text = [ended.stdout, ended.stderr].concat();
    let text = String::from_utf8(text).expect("UTF-8");
    (ended.status.success(), text)
}

/// The token in the forms of a page of the console.
pub fn form_token(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
    rest.split_once('"').expect("a value").0
}
