//! The emulator's answers, edited into those that the service may give.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a mode is about answers of one kind, and leaves the others alone"
)]

use serde_json::{Map, Value, json};

use super::{mode::ProxyMode, noise, request::VertexRequest};

/// The series of the training loss.
const TRAIN_LOSS: &str = "1";
/// The prefix of sub-states.
const PREFIX: &str = "TUNING_JOB_STATE_";

/// Edits the answer to a call as `mode` says; `jobs` are the ids of all jobs, the oldest first.
pub(super) fn edit(mode: &ProxyMode, seen: &VertexRequest, jobs: &[String], answer: &mut Value) {
    if let Some(listed) = answer.get_mut("tuningJobs").and_then(Value::as_array_mut) {
        for job in listed {
            edit_job(mode, jobs, job);
            if let ProxyMode::ListsNameProject(project) = mode {
                name_project(job, project);
            }
        }
    } else if seen.is_get() || seen.is_create() {
        edit_job(mode, jobs, answer);
    }
    let data = answer.get_mut("timeSeriesData");
    for series in data.and_then(Value::as_array_mut).into_iter().flatten() {
        edit_series(mode, position(jobs, &seen.query), series);
    }
}

/// The last segment of a job's name.
pub(super) fn job_id(job: &Value) -> &str {
    let name = job.get("name").and_then(Value::as_str).unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default()
}

/// Which job the names in `text` belong to.
fn position(jobs: &[String], text: &str) -> u64 {
    let position = jobs.iter().position(|id| text.contains(id.as_str()));
    position.and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
}

fn edit_job(mode: &ProxyMode, jobs: &[String], job: &mut Value) {
    let id = job_id(job).to_owned();
    let state = job.get("state").and_then(Value::as_str).unwrap_or_default();
    let has_succeeded = state == "JOB_STATE_SUCCEEDED";
    let is_open = matches!(state, "JOB_STATE_PENDING" | "JOB_STATE_RUNNING");
    let Some(fields) = job.as_object_mut() else {
        return;
    };
    match mode {
        ProxyMode::State(state) if is_open => set(fields, "state", json!(state)),
        ProxyMode::SubState(state) if is_open => set(fields, "tuningJobState", json!(state)),
        ProxyMode::BareSubStates => {
            let state = fields.get("tuningJobState").and_then(Value::as_str);
            if let Some(bare) = state.and_then(|state| state.strip_prefix(PREFIX)) {
                let bare = json!(bare);
                set(fields, "tuningJobState", bare);
            }
        }
        ProxyMode::FailsWithModel if has_succeeded => {
            let message = "Failed to create endpoint. Tuned model is uploaded and can be accessed \
                           through Model Registry.";
            fail(fields, message);
            undeploy(fields);
        }
        ProxyMode::FailsAtEnd { jobs: first }
            if has_succeeded && jobs.iter().take(*first).any(|job| *job == id) =>
        {
            fail(
                fields,
                "Internal error encountered. Please try again later.",
            );
            fields.remove("tunedModel");
        }
        ProxyMode::Bills(factor) => bill(fields, *factor),
        _ => {}
    }
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
}

/// Ends the job with `INTERNAL`.
fn fail(fields: &mut Map<String, Value>, message: &str) {
    set(fields, "state", json!("JOB_STATE_FAILED"));
    set(fields, "error", json!({ "code": 13, "message": message }));
}

/// Takes every endpoint from the tuned model.
fn undeploy(fields: &mut Map<String, Value>) {
    let Some(tuned) = fields.get_mut("tunedModel").and_then(Value::as_object_mut) else {
        return;
    };
    tuned.remove("endpoint");
    let checkpoints = tuned.get_mut("checkpoints").and_then(Value::as_array_mut);
    for checkpoint in checkpoints.into_iter().flatten() {
        if let Some(checkpoint) = checkpoint.as_object_mut() {
            checkpoint.remove("endpoint");
        }
    }
}

fn bill(fields: &mut Map<String, Value>, factor: u64) {
    let stats = fields.get_mut("tuningDataStats");
    let stats = stats.and_then(|stats| stats.pointer_mut("/supervisedTuningDataStats"));
    let Some(count) = stats.and_then(|stats| stats.get_mut("totalBillableTokenCount")) else {
        return;
    };
    let counted = count.as_str().and_then(|text| text.parse::<u64>().ok());
    let billed = counted.unwrap_or_default().saturating_mul(factor);
    *count = json!(billed.to_string());
}

fn name_project(job: &mut Value, project: &str) {
    let Some(name) = job.get_mut("name") else {
        return;
    };
    let text = name.as_str().unwrap_or_default().to_owned();
    if let Some((_, rest)) = text.split_once("/locations/") {
        *name = json!(format!("projects/{project}/locations/{rest}"));
    }
}

fn edit_series(mode: &ProxyMode, job: u64, series: &mut Value) {
    let id = series.get("tensorboardTimeSeriesId");
    let id = id.and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(values) = series.get_mut("values").and_then(Value::as_array_mut) else {
        return;
    };
    match mode {
        ProxyMode::ZeroLoss { nth } => set_scalar(values, *nth, json!({})),
        ProxyMode::NanLoss { series, nth } if *series == id => {
            set_scalar(values, *nth, json!({ "value": "NaN" }));
        }
        ProxyMode::NoisyLosses { sigma, seed } if id == TRAIN_LOSS => {
            for value in values {
                scatter(value, *sigma, seed.wrapping_add(job));
            }
        }
        _ => {}
    }
}

fn set_scalar(values: &mut [Value], nth: usize, scalar: Value) {
    let value = values.get_mut(nth).and_then(Value::as_object_mut);
    if let Some(value) = value {
        set(value, "scalar", scalar);
    }
}

fn scatter(value: &mut Value, sigma: f64, seed: u64) {
    let step = value.get("step").and_then(Value::as_str);
    let step = step.and_then(|step| step.parse::<u64>().ok());
    let loss = value.pointer_mut("/scalar/value");
    if let Some(loss) = loss
        && let Some(number) = loss.as_f64()
    {
        let factor = (sigma * noise::normal(seed, step.unwrap_or_default())).exp();
        *loss = json!(number * factor);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method};

    use super::*;

    const JOB: &str = "projects/123/locations/us-central1/tuningJobs/77";

    fn edited(mode: &ProxyMode, target: &str, mut answer: Value) -> Value {
        let seen = VertexRequest::new(&Method::GET, target, &HeaderMap::new(), b"");
        edit(mode, &seen, &["77".to_owned()], &mut answer);
        answer
    }

    fn succeeded() -> Value {
        json!({ "name": JOB, "state": "JOB_STATE_SUCCEEDED", "tunedModel": {
            "model": "m@1", "endpoint": "e", "checkpoints": [{ "checkpointId": "1", "endpoint": "e" }],
        }})
    }

    #[test]
    fn a_job_that_fails_may_own_a_model() {
        let target = format!("/v1/{JOB}");
        let failed = edited(&ProxyMode::FailsWithModel, &target, succeeded());
        assert_eq!(failed["state"], "JOB_STATE_FAILED");
        let tuned = json!({ "model": "m@1", "checkpoints": [{ "checkpointId": "1" }] });
        assert_eq!(failed["tunedModel"], tuned);
        let first = edited(&ProxyMode::FailsAtEnd { jobs: 1 }, &target, succeeded());
        assert_eq!(first["error"]["code"], 13);
        assert_eq!(first.get("tunedModel"), None);
        let none = edited(&ProxyMode::FailsAtEnd { jobs: 0 }, &target, succeeded());
        assert_eq!(none, succeeded());
    }

    #[test]
    fn an_open_job_is_in_the_state_of_the_mode() {
        let job = json!({ "name": JOB, "state": "JOB_STATE_RUNNING",
            "tuningJobState": "TUNING_JOB_STATE_TUNING" });
        let target = format!("/v1beta1/{JOB}");
        let state = |mode: &ProxyMode| edited(mode, &target, job.clone());
        assert_eq!(
            state(&ProxyMode::State("JOB_STATE_PAUSED"))["state"],
            "JOB_STATE_PAUSED"
        );
        assert_eq!(state(&ProxyMode::BareSubStates)["tuningJobState"], "TUNING");
        let ended = edited(&ProxyMode::State("JOB_STATE_PAUSED"), &target, succeeded());
        assert_eq!(ended, succeeded());
    }

    #[test]
    fn a_list_names_the_project_by_its_id() {
        let target = "/v1/projects/p/locations/us-central1/tuningJobs";
        let listed = json!({ "tuningJobs": [{ "name": JOB }] });
        let listed = edited(&ProxyMode::ListsNameProject("p"), target, listed);
        let name = &listed["tuningJobs"][0]["name"];
        assert_eq!(name, "projects/p/locations/us-central1/tuningJobs/77");
    }

    #[test]
    fn values_of_a_curve_are_replaced() {
        let target = "/v1/projects/p/locations/l/tensorboards/t:batchRead?timeSeries=x-77";
        let value = |step: &str| json!({ "step": step, "scalar": { "value": 2.0 } });
        let data = json!({ "timeSeriesData": [{
            "tensorboardTimeSeriesId": "1", "values": [value("1"), value("2")] }] });
        let values = |mode: &ProxyMode| {
            let answer = edited(mode, target, data.clone());
            answer["timeSeriesData"][0]["values"].clone()
        };
        assert_eq!(
            values(&ProxyMode::ZeroLoss { nth: 1 })[1]["scalar"],
            json!({})
        );
        let nan = ProxyMode::NanLoss {
            series: "1",
            nth: 0,
        };
        assert_eq!(values(&nan)[0]["scalar"]["value"], "NaN");
        let other = ProxyMode::NanLoss {
            series: "4",
            nth: 0,
        };
        assert_eq!(values(&other)[0]["scalar"]["value"], 2.0);
        let noisy = values(&ProxyMode::NoisyLosses {
            sigma: 0.3,
            seed: 1,
        });
        assert_ne!(noisy[0]["scalar"]["value"], noisy[1]["scalar"]["value"]);
    }

    #[test]
    fn a_bill_is_multiplied() {
        let job = json!({ "name": JOB, "state": "JOB_STATE_RUNNING", "tuningDataStats": {
            "supervisedTuningDataStats": { "totalBillableTokenCount": "7" } } });
        let billed = edited(&ProxyMode::Bills(50), &format!("/v1/{JOB}"), job);
        let stats = &billed["tuningDataStats"]["supervisedTuningDataStats"];
        assert_eq!(stats["totalBillableTokenCount"], "350");
    }
}
