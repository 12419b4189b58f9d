//! What tests are made of: a run of an hour ago, and times after it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::run::Run;

/// So many minutes after the run was made.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

/// A run whose job runs; each of `changes` overwrites fields of it, one after another.
pub(crate) fn run(changes: &[&Value]) -> Run {
    let mut run = json!({
        "id": "a-b-c", "dataset": "a", "version": "a-b", "model": "a",
        "plan": {"base_model": "m", "region": "r", "epochs": 1,
                 "learning_rate_multiplier": 1.0, "adapter_size": 1},
        "estimate": {"tokens_low": 1, "usd_low": 1.0, "price_as_of": ""},
        "budget_usd": 1.0, "state": "running", "reason": "",
        "created_at": at(0), "updated_at": at(0),
    });
    let fields = run.as_object_mut().unwrap();
    for change in changes {
        fields.extend(change.as_object().unwrap().clone());
    }
    serde_json::from_value(run).unwrap()
}
