//! The emulators' scripted faults and their journal, for tests.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test's helper fails the test"
)]

pub mod chain;
pub mod crash;
pub mod effect;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::wait::{self, ProgressCounter};

/// The control API of the emulators.
#[derive(Debug, Clone)]
pub struct FaultControl {
    endpoint: String,
    http: reqwest::Client,
    counted: Arc<Mutex<Counted>>,
}

/// The part of the journal that is counted already.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    /// What the journal's next page is asked with.
    next: u64,
    changes: u64,
}

/// A system progresses by changing something: every mutating call is in its journal.
impl ProgressCounter for FaultControl {
    async fn steps(&self) -> u64 {
        let next = self.counted().next;
        let url = format!("{}/emulator/journal?since={next}", self.endpoint);
        let response = self.http.get(url).send().await.expect("an answer");
        let page: Value = response.json().await.expect("JSON");
        let entries = page["entries"].as_array().into_iter().flatten();
        // Functions log at every tick, also where nothing is left to do.
        let is_log = |entry: &Value| entry["path"] == "/v2/entries:write";
        let changes = entries.filter(|entry| !is_log(entry)).count();
        let mut counted = self.counted();
        // Two waits at once read the same page: it counts once.
        if counted.next == next {
            counted.next = page["next"].as_u64().expect("a number");
            counted.changes += u64::try_from(changes).expect("a page fits");
        }
        counted.changes
    }
}

impl FaultControl {
    /// At `endpoint`.
    pub fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            http: reqwest::Client::new(),
            counted: Arc::default(),
        }
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arms a fault; gives its id.
    pub async fn arm(&self, fault: &Value) -> String {
        let url = format!("{}/emulator/faults", self.endpoint);
        let response = self
            .http
            .post(url)
            .json(fault)
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        let armed: Value = response.json().await.expect("JSON");
        assert!(status.is_success(), "{fault} was rejected: {armed}");
        armed["id"].to_string()
    }

    /// Waits until a call is held by the fault called `id`.
    pub async fn held(&self, id: &str) {
        wait::until("a call to be held", self, async || {
            if self.holds(id).await {
                Ok(())
            } else {
                Err(self.list().await.to_string())
            }
        })
        .await;
    }

    /// Whether the fault called `id` holds a call now.
    pub async fn holds(&self, id: &str) -> bool {
        let fault = self.fault(id).await;
        is_holding(&fault)
    }

    /// How often the fault called `id` has fired.
    pub async fn fired(&self, id: &str) -> u64 {
        let fault = self.fault(id).await;
        fault["fired"].as_u64().unwrap_or_default()
    }

    /// The faults that hold a call now, by id.
    pub async fn holding(&self) -> Vec<String> {
        let all = self.list().await;
        let faults = all["faults"].as_array().into_iter().flatten();
        faults
            .filter(|fault| is_holding(fault))
            .map(|fault| fault["id"].to_string())
            .collect()
    }

    async fn fault(&self, id: &str) -> Value {
        let all = self.list().await;
        let id: Value = id.parse::<u64>().ok().into();
        let mut faults = all["faults"].as_array().into_iter().flatten();
        let fault = faults.find(|fault| fault["id"] == id);
        fault.cloned().unwrap_or_default()
    }

    /// The armed faults, how often each has fired, and which calls it holds.
    pub async fn list(&self) -> Value {
        let url = format!("{}/emulator/faults", self.endpoint);
        let response = self.http.get(url).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Disarms the fault called `id`; the calls that it holds continue.
    pub async fn disarm(&self, id: &str) {
        let url = format!("{}/emulator/faults/{id}", self.endpoint);
        self.http.delete(url).send().await.expect("an answer");
    }

    /// Changes how tuning behaves, such as `{"list_lag_s": 60}`.
    pub async fn set_vertex(&self, settings: &Value) {
        let url = format!("{}/emulator/vertex", self.endpoint);
        let answer = self.http.post(url).json(settings).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{settings}: {answer:?}");
    }

    /// Disarms every fault; held calls continue.
    pub async fn clear(&self) {
        let url = format!("{}/emulator/faults", self.endpoint);
        self.http.delete(url).send().await.expect("an answer");
    }

    /// Every mutating call since the journal was cleared, in order.
    pub async fn journal(&self) -> Vec<Value> {
        let url = format!("{}/emulator/journal", self.endpoint);
        let response = self.http.get(url).send().await.expect("an answer");
        let journal: Value = response.json().await.expect("JSON");
        journal["entries"].as_array().cloned().unwrap_or_default()
    }

    /// Delivers every message of every subscription `times` more times.
    pub async fn duplicate_everything(&self, times: u32, reverse: bool) {
        self.duplicate("*", times, reverse).await;
    }

    /// Delivers every message of the subscription called `subscription` `times` more times.
    pub async fn duplicate(&self, subscription: &str, times: u32, reverse: bool) {
        let url = format!("{}/emulator/pubsub/duplicate", self.endpoint);
        let body = json!({
            "subscription": subscription,
            "times": times,
            "every": true,
            "reverse": reverse,
        });
        let answer = self.http.post(url).json(&body).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

fn is_holding(fault: &Value) -> bool {
    fault["holding"]
        .as_array()
        .is_some_and(|calls| !calls.is_empty())
}
