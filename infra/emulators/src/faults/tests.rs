//! Faults on a running server, over HTTP/1 with JSON and over HTTP/2 with raw gRPC frames.

use serde_json::{Value, json};

use crate::{Emulators, Options, clock::Clock};

const MESSAGE: &[u8] = b"\0\0\0\0\x13\x0a\x0cprojects/p/t\x1a\x03d-1";

struct World {
    emulators: Emulators,
    client: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let emulators = Emulators::start(Options {
            project: "demo".to_owned(),
            port: 0,
            data: None,
            clock: Clock::starting_now(1.0),
            listeners: vec!["tune".to_owned()],
        });
        Self {
            emulators: emulators.await.unwrap(),
            client: reqwest::Client::new(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.emulators.address())
    }

    async fn arm(&self, fault: Value) -> u64 {
        let request = self.client.post(self.url("/emulator/faults")).json(&fault);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["id"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn until(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let mut state = Value::Null;
        // Each poll is a call, in the thread that does the work.
        for _ in 0..crate::polls::POLLS_MAX * 10 {
            state = self.get(path).await;
            if done(&state) {
                return state;
            }
            tokio::task::yield_now().await;
        }
        panic!("{path} stays at {state}");
    }

    /// A change that no emulator serves: without a fault its answer is 400, which suffices here.
    fn change(&self, path: &str) -> reqwest::RequestBuilder {
        self.client
            .post(self.url(path))
            .json(&json!({ "name": "projects/p/things/t" }))
    }

    fn grpc(&self, method: &str) -> reqwest::RequestBuilder {
        let h2 = reqwest::Client::builder().http2_prior_knowledge();
        h2.build()
            .unwrap()
            .post(self.url(method))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(MESSAGE)
    }
}

#[tokio::test]
async fn an_error_is_answered_in_the_protocol_of_the_call_as_often_as_configured() {
    let world = World::new().await;
    let error = json!({ "error": { "status": "UNAVAILABLE", "retry_after_s": 7 } });
    world
        .arm(json!({ "path": "/thing$", "method": "POST", "skip": 1, "action": error }))
        .await;
    let statuses = [400, 503, 400];
    for status in statuses {
        let answer = world.change("/thing").send().await.unwrap();
        assert_eq!(answer.status(), status);
        if status == 503 {
            assert_eq!(answer.headers()["retry-after"], "7");
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["error"]["status"], "UNAVAILABLE");
        }
    }
    world
        .arm(json!({ "path": "/google.x.v1.X/Commit", "body": "projects/p", "action": error }))
        .await;
    let answer = world.grpc("/google.x.v1.X/Commit").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["grpc-status"], "14", "UNAVAILABLE");
    let answer = world.grpc("/google.x.v1.X/Commit").send().await.unwrap();
    assert_eq!(
        answer.headers()["grpc-status"],
        "12",
        "the fault is used up"
    );
}

#[tokio::test]
async fn a_dropped_call_is_a_broken_connection_over_http_and_grpc() {
    let world = World::new().await;
    for when in ["before", "after"] {
        world
            .arm(json!({ "path": "", "times": 2, "action": { "drop": when } }))
            .await;
        let error = world.change("/thing").send().await.unwrap_err();
        assert!(error.is_request(), "{when}: {error:?}");
        let error = world.grpc("/google.x.v1.X/Commit").send().await;
        assert!(error.is_err(), "{when}: {error:?}");
    }
    let journal = world.get("/emulator/journal").await;
    let statuses: Vec<_> = journal["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect();
    let expected = ["caller left", "caller left", "400", "Unimplemented"];
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn a_held_call_continues_when_released_and_never_when_its_caller_died() {
    let world = World::new().await;
    let id = world
        .arm(json!({ "path": "/thing", "times": 3, "action": { "hold": "before" } }))
        .await;
    let first = tokio::spawn(world.change("/thing").send());
    let holds = |number| {
        move |state: &Value| state["faults"][0]["holding"].as_array().map(Vec::len) == Some(number)
    };
    let state = world.until("/emulator/faults", holds(1)).await;
    assert_eq!(state["faults"][0]["holding"][0]["path"], "/thing");
    let release = format!("/emulator/faults/{id}/release");
    world.client.post(world.url(&release)).send().await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().status(), 400);

    let second = tokio::spawn(world.change("/thing").send());
    world.until("/emulator/faults", holds(1)).await;
    second.abort();
    world.until("/emulator/faults", holds(0)).await;
    let third = tokio::spawn(world.grpc("/google.x.v1.X/thing").send());
    world.until("/emulator/faults", holds(1)).await;
    third.abort();
    world.until("/emulator/faults", holds(0)).await;
    let journal = world
        .until("/emulator/journal?since=1", |page| {
            page["entries"][0]["status"].is_string()
        })
        .await;
    assert_eq!(journal["entries"][0]["status"], "caller left");
    assert_eq!(journal["entries"][0]["fault"], id);
}

#[tokio::test]
async fn disarming_a_fault_releases_held_answers() {
    let world = World::new().await;
    world
        .arm(json!({ "path": "/thing", "action": { "hold": "after" } }))
        .await;
    let held = tokio::spawn(world.change("/thing").send());
    world
        .until("/emulator/faults", |state| {
            state["faults"][0]["holding"][0]["when"] == "after"
        })
        .await;
    let journal = world.get("/emulator/journal").await;
    assert_eq!(journal["entries"][0]["status"], "400", "the effect is done");
    let faults = world.url("/emulator/faults");
    world.client.delete(faults).send().await.unwrap();
    assert_eq!(held.await.unwrap().unwrap().status(), 400);
}

#[tokio::test]
async fn a_truncated_answer_breaks_after_the_configured_bytes() {
    let world = World::new().await;
    world
        .arm(json!({ "path": "/thing", "action": { "truncate": 5 } }))
        .await;
    let mut answer = world.change("/thing").send().await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 5);
    assert!(answer.chunk().await.is_err(), "the connection is broken");
}

#[tokio::test]
async fn the_journal_lists_changes_with_their_callers_and_resources() {
    let world = World::new().await;
    let address = world.emulators.listener("tune").unwrap();
    let fault =
        json!({ "caller": "tune", "times": 9, "action": { "error": { "status": "ABORTED" } } });
    world.arm(fault).await;
    let url = format!("http://{address}/v9/x?name=a%2Fb");
    world.client.put(&url).send().await.unwrap();
    world.client.get(&url).send().await.unwrap();
    world.change("/v9/m:countTokens").send().await.unwrap();
    world.grpc("/google.x.v1.X/GetThing").send().await.unwrap();
    world.grpc("/google.x.v1.X/Commit").send().await.unwrap();
    let journal = world.get("/emulator/journal").await;
    let entries = journal["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "reads are not recorded: {journal}");
    assert_eq!(entries[0]["caller"], "tune");
    assert_eq!(entries[0]["status"], "409");
    assert_eq!(entries[0]["resource"], "name=a/b");
    assert_eq!(entries[1]["caller"], "main");
    assert_eq!(entries[1]["resource"], "projects/p/t d-1");
    assert_eq!(entries[1]["status"], "Unimplemented");
}

#[tokio::test]
async fn a_fault_with_an_unknown_field_is_refused() {
    let world = World::new().await;
    let fault = json!({ "pth": "/x", "action": { "drop": "after" } });
    let url = world.url("/emulator/faults");
    let answer = world.client.post(url).json(&fault).send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn stopped_emulators_release_their_port_and_their_store() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        project: "demo".to_owned(),
        port: 0,
        data: Some(dir.path().to_owned()),
        clock: Clock::starting_now(2.0),
        listeners: Vec::new(),
    };
    let first = Emulators::start(options.clone()).await.unwrap();
    let port = first.address().port();
    let environment = first.environment();
    let speed = environment.iter().find(|(name, _)| name == "CLOCK_SPEED");
    assert_eq!(speed.unwrap().1, "2");
    assert!(first.environment_for("unknown").is_none());
    first.stop().await;
    let again = Emulators::start(Options { port, ..options }).await;
    assert_eq!(again.unwrap().address().port(), port);
}
