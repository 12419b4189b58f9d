//! The emulators' scripted faults and their journal, for tests.

use serde_json::{Value, json};

use crate::{harness::LIMIT, wait};

/// The control API.
#[derive(Debug, Clone)]
pub struct Faults {
    endpoint: String,
    http: reqwest::Client,
}

impl Faults {
    /// At `endpoint`.
    pub fn new(endpoint: String) -> Self {
        Self {
            endpoint,
            http: reqwest::Client::new(),
        }
    }

    /// Arms a fault; gives its id.
    pub async fn arm(&self, fault: &Value) -> String {
        let url = format!("{}/emulator/faults", self.endpoint);
        let response = self.http.post(url).json(fault).send().await.expect("an answer");
        let status = response.status();
        let armed: Value = response.json().await.expect("JSON");
        assert!(status.is_success(), "{fault} was refused: {armed}");
        match &armed["id"] {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        }
    }

    /// Waits until a call is held by the fault called `id`.
    pub async fn held(&self, id: &str) {
        wait::until("a call to be held", LIMIT, async || {
            let all = self.list().await;
            let text = all.to_string();
            let holding = all["faults"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|fault| same(&fault["id"], id) && !empty(&fault["held"]));
            if holding { Ok(()) } else { Err(text) }
        })
        .await;
    }

    /// What is armed, how often each fired, which calls it holds.
    pub async fn list(&self) -> Value {
        let url = format!("{}/emulator/faults", self.endpoint);
        let response = self.http.get(url).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Disarms everything; held calls go on.
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

    /// Makes every message of every subscription come `times` times more.
    pub async fn duplicate_everything(&self, times: u32, reverse: bool) {
        let url = format!("{}/emulator/pubsub/duplicate", self.endpoint);
        let body = json!({ "subscription": "*", "times": times, "every": true, "reverse": reverse });
        let answer = self.http.post(url).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

fn same(value: &Value, id: &str) -> bool {
    value.as_str() == Some(id) || value.to_string() == id
}

fn empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty) && value.as_u64().unwrap_or_default() == 0
}
