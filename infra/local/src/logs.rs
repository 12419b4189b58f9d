//! Forwards the log lines of the functions to Cloud Logging, as Cloud Run's agent does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{process::LogLine, resource_names::PROJECT};

/// The region that the emulators' metadata server reports.
const LOCATION: &str = "us-central1";
/// Most lines in one call.
const BATCH_MAX: usize = 200;
/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_secs(5);

/// Returns a sender whose lines are forwarded to `endpoint`; the last `lines_max` are kept in `lines`.
pub(crate) fn forward(
    endpoint: String,
    lines: Arc<Mutex<VecDeque<Arc<LogLine>>>>,
    lines_max: usize,
) -> mpsc::UnboundedSender<LogLine> {
    // Unbounded: a full channel would block the pipe that a function logs to, and so the function.
    let (sender, mut receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let http = reqwest::Client::new();
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let entries: Vec<Value> = batch.iter().map(entry).collect();
            keep(&lines, batch.drain(..), lines_max);
            let sent = http
                .post(format!("{endpoint}/v2/entries:write"))
                .timeout(CALL_MAX)
                .json(&json!({ "entries": entries }))
                .send()
                .await;
            if let Err(error) = sent {
                tracing::warn!(%error, "log lines were not forwarded");
            }
        }
    });
    sender
}

fn keep(
    lines: &Mutex<VecDeque<Arc<LogLine>>>,
    batch: impl Iterator<Item = LogLine>,
    lines_max: usize,
) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.extend(batch.map(Arc::new));
    let excess = lines.len().saturating_sub(lines_max);
    lines.drain(..excess);
}

/// The log entry of a line: the agent moves the special fields out of the payload.
fn entry(line: &LogLine) -> Value {
    let mut payload = line.entry.clone();
    let mut take = |field: &str| {
        payload
            .as_object_mut()
            .and_then(|payload| payload.remove(field))
    };
    let severity = take("severity").unwrap_or_else(|| "DEFAULT".into());
    let resource = match &line.execution {
        None => json!({
            "type": "cloud_run_revision",
            "labels": {
                "project_id": PROJECT,
                "location": LOCATION,
                "service_name": line.function,
                "revision_name": format!("{}-00001", line.function),
                "configuration_name": line.function,
            },
        }),
        Some(_) => json!({
            "type": "cloud_run_job",
            "labels": { "project_id": PROJECT, "location": LOCATION, "job_name": line.function },
        }),
    };
    let mut entry = json!({
        "logName": format!("projects/{PROJECT}/logs/run.googleapis.com%2Fstdout"),
        "severity": severity,
        "resource": resource,
    });
    if let (Some(execution), Some(entry)) = (&line.execution, entry.as_object_mut()) {
        let labels = json!({ "run.googleapis.com/execution_name": execution });
        entry.insert("labels".to_owned(), labels);
    }
    for (field, name) in [
        ("time", "timestamp"),
        ("logging.googleapis.com/trace", "trace"),
        ("logging.googleapis.com/spanId", "spanId"),
        ("logging.googleapis.com/sourceLocation", "sourceLocation"),
    ] {
        if let (Some(value), Some(entry)) = (take(field), entry.as_object_mut()) {
            entry.insert(name.to_owned(), value);
        }
    }
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("jsonPayload".to_owned(), payload);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_fields_are_moved_out_of_the_payload() {
        let line = LogLine {
            execution: None,
            function: "watch".to_owned(),
            entry: json!({"severity": "WARNING", "time": "t", "event": { "name": "run_finding" }, "run": {"id": "a"}}),
        };
        let entry = entry(&line);
        assert_eq!(entry["severity"], "WARNING");
        assert_eq!(entry["timestamp"], "t");
        let labels = &entry["resource"]["labels"];
        assert_eq!(labels["service_name"], "watch");
        // `gcloud run services logs read` filters by the location.
        assert_eq!(labels["location"], LOCATION);
        assert_eq!(labels["revision_name"], "watch-00001");
        assert_eq!(
            entry["jsonPayload"],
            json!({"event": { "name": "run_finding" }, "run": {"id": "a"}})
        );
    }
}
