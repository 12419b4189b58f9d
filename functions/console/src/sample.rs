//! Sample documents for tests.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::{
    curve::{Curve, Point},
    run::Run,
};

/// The time so many minutes after the start of the samples.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
    start + TimeDelta::minutes(minutes)
}

/// A queued run, with the fields of `extra` in place of its own.
pub(crate) fn run(extra: &Value) -> Run {
    let mut run = json!({
        "id": "tickets-aaaaaaaaaaaa-bbbbbbbbbb", "dataset": "tickets",
        "version": "tickets-aaaaaaaaaaaa", "model": "tickets",
        "plan": {"base_model": "gemini-3.1-flash-lite", "region": "us-central1", "epochs": 3,
            "learning_rate_multiplier": 1.0, "adapter_size": 4},
        "estimate": {"training_tokens": 10_400_000, "usd": 31.2, "price_as_of": "2026-11-01"},
        "budget_usd": 25.0, "state": "queued", "reason": "",
        "created_at": at(0), "updated_at": at(0),
    });
    let fields = run.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(run).unwrap()
}

/// A curve whose points are ten steps apart.
pub(crate) fn curve(train: &[f64], eval: &[f64]) -> Curve {
    let points = |losses: &[f64]| {
        let steps = losses.iter().zip(1..);
        let point = |(loss, index): (&f64, u64)| Point::new(index * 10, *loss);
        steps.map(point).collect()
    };
    Curve {
        train: points(train),
        eval: points(eval),
        ..Curve::new("tickets-aaaaaaaaaaaa-bbbbbbbbbb".parse().unwrap())
    }
}
