//! Snapshots of a run, for tests.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::{
    dataset::Review,
    job_ledger::JobEntry,
    run::{QueuePosition, Run},
};

use super::snapshot::ChainSnapshot;

const RUN: &str = "tickets-abc-def";

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn artifact(name: &str) -> Value {
    let uri = format!("gs://lapidary-datasets/tickets/tickets-abc/{name}");
    json!({ "uri": uri, "generation": 7 })
}

fn run(extra: &Value) -> Run {
    let mut run = json!({
        "id": RUN, "dataset": "tickets", "version": "tickets-abc", "model": "support",
        "plan": {"base_model": "gemini-3.1-flash-lite", "region": "us-central1", "epochs": 3,
                 "learning_rate_multiplier": 1.0, "adapter_size": 4},
        "estimate": {"training_tokens": 186_000, "usd": 0.558, "price_as_of": "2026-10-01"},
        "budget_usd": 5.0, "state": "running", "reason": "submitted its job",
        "created_at": at(1), "updated_at": at(1),
        "history": [{"at": at(1), "by": "tune", "note": "costs about $0.56 of a budget of $5.00"}],
    });
    let fields = run.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(run).unwrap()
}

fn job(state: &str, sub_state: Option<&str>) -> Value {
    json!({
        "name": "projects/p/locations/l/tuningJobs/1", "state": state, "sub_state": sub_state,
        "state_since": at(2), "completed_epochs": 1, "steps_total": 135, "billable_tokens": 63_000,
        "dropped_rows": 1, "dropped_reasons": ["TOO_LONG"],
        "checkpoints": [{"id": "1", "epoch": 1, "step": 45, "endpoint": "e1"}],
    })
}

/// An upload that is unusable.
pub(crate) fn rejected() -> ChainSnapshot {
    let upload = json!({
        "artifact": artifact("data.jsonl"), "dataset": "tickets", "outcome": "rejected",
        "note": "no row of 3 can be trained on; line 1: not JSON; write one object a line",
        "at": at(0),
    });
    ChainSnapshot {
        upload: serde_json::from_value(upload).unwrap(),
        ..ChainSnapshot::default()
    }
}

/// A version without a run.
pub(crate) fn cleaned() -> ChainSnapshot {
    let part = |name: &str, rows: u64| json!({"artifact": artifact(name), "rows": rows, "bytes": rows * 100});
    let version = json!({
        "id": "tickets-abc", "dataset": "tickets", "source": artifact("data.jsonl"),
        "source_crc32c": "AAAAAA==", "source_bytes": 100_000,
        "recipe": {"evaluate": {"rows": 50}}, "format": "input_output", "code_version": "0.1.0",
        "rows": {"read": 613, "kept": 577, "rejected": 24, "duplicate": 12},
        "codes": {"short_output": 7, "invalid_json": 4, "duplicate": 12}, "tokens": 62_000,
        "task": "generation",
        "parts": {"train": part("train.jsonl", 470), "validation": part("validation.jsonl", 57),
                  "eval": part("eval.jsonl", 50), "rejected": part("rejected.jsonl", 24)},
        "created_at": at(0),
    });
    let upload = json!({
        "artifact": artifact("data.jsonl"), "dataset": "tickets", "outcome": "cleaned",
        "note": "577 of 613 rows kept", "version": "tickets-abc", "at": at(0),
    });
    ChainSnapshot {
        upload: serde_json::from_value(upload).unwrap(),
        version: serde_json::from_value(version).unwrap(),
        ..ChainSnapshot::default()
    }
}

/// Rows that wait for a person.
pub(crate) fn awaiting_review() -> ChainSnapshot {
    let mut snapshot = cleaned();
    let reason = "412 of 613 rows were left out, more than a third".to_owned();
    if let Some(version) = &mut snapshot.version {
        version.review = Review::of(vec![reason]);
    }
    snapshot
}

/// A run in `state`, with a typical reason.
pub(crate) fn with_state(state: &str) -> ChainSnapshot {
    let (reason, job, chosen) = match state {
        "awaiting_approval" => (
            "costs about $7.00, above its budget of $5.00: approve it, or raise tune.budget_usd",
            Value::Null,
            Value::Null,
        ),
        "queued" => (
            "costs about $0.56 of a budget of $5.00",
            Value::Null,
            Value::Null,
        ),
        "failed" => (
            "the bucket cannot be read",
            job("JOB_STATE_FAILED", None),
            Value::Null,
        ),
        "succeeded" => (
            "tuned",
            job("JOB_STATE_SUCCEEDED", None),
            json!({"id": "1", "epoch": 1, "step": 45, "endpoint": "e1"}),
        ),
        _ => (
            "stopped",
            job("JOB_STATE_RUNNING", Some("TUNING")),
            Value::Null,
        ),
    };
    let usd = if state == "awaiting_approval" {
        7.0
    } else {
        0.558
    };
    let estimate = json!({"training_tokens": 186_000, "usd": usd, "price_as_of": "2026-10-01"});
    let fields = json!({"state": state, "estimate": estimate, "reason": reason, "job": job, "chosen": chosen,
                        "last_step": 135});
    ChainSnapshot {
        run: Some(run(&fields)),
        curve: running().curve,
        ..cleaned()
    }
}

/// The third run that waits for its turn.
pub(crate) fn queued() -> ChainSnapshot {
    ChainSnapshot {
        position: Some(QueuePosition(3)),
        ..with_state("queued")
    }
}

/// A job that waits for quota.
pub(crate) fn waiting() -> ChainSnapshot {
    let mut job = job("JOB_STATE_PENDING", Some("WAITING_FOR_QUOTA"));
    for field in [
        "billable_tokens",
        "dropped_rows",
        "steps_total",
        "completed_epochs",
    ] {
        job[field] = Value::Null;
    }
    job["checkpoints"] = json!([]);
    job["dropped_reasons"] = json!([]);
    ChainSnapshot {
        run: Some(run(&json!({ "job": job }))),
        ..cleaned()
    }
}

/// A job in its second epoch.
pub(crate) fn running() -> ChainSnapshot {
    let points = |losses: &[(u64, f64)]| -> Vec<Value> {
        let points = losses.iter();
        points
            .map(|(step, loss)| json!({"step": step, "loss": loss}))
            .collect()
    };
    let curve = json!({
        "run": RUN,
        "train": points(&[(1, 2.0), (20, 1.4), (40, 1.0), (60, 0.9)]),
        "eval": points(&[(45, 1.2)]),
    });
    let fields = json!({"job": job("JOB_STATE_RUNNING", Some("TUNING")), "last_step": 60});
    ChainSnapshot {
        run: Some(run(&fields)),
        curve: serde_json::from_value(curve).unwrap(),
        ..cleaned()
    }
}

fn stop() -> Value {
    json!({"finding": "diverged", "called_by": "incident 7 of policy `run-unhealthy`", "at": at(9)})
}

/// A job that is being cancelled.
pub(crate) fn stopping() -> ChainSnapshot {
    let fields = json!({
        "state": "stopping", "finding": "diverged", "stop": stop(), "last_step": 70,
        "reason": "stopped for `diverged`: lower the rate; keeps no checkpoint; called by incident 7",
        "job": job("JOB_STATE_CANCELLING", None),
    });
    ChainSnapshot {
        run: Some(run(&fields)),
        ..running()
    }
}

/// A job that was cancelled, without a checkpoint.
pub(crate) fn stopped() -> ChainSnapshot {
    let fields = json!({
        "state": "cancelled", "finding": "diverged", "stop": stop(), "last_step": 70,
        "reason": "stopped", "job": job("JOB_STATE_CANCELLED", None), "finished_at": at(12),
    });
    ChainSnapshot {
        run: Some(run(&fields)),
        ..running()
    }
}

/// A run whose tuned model serves.
pub(crate) fn promoted() -> ChainSnapshot {
    let side = |failures: u64, p50: u64| {
        json!({"answered": 50 - failures, "truncated": 0, "blocked": failures, "empty": 0,
               "failed": 0, "failures": failures, "latency_p50_ms": p50,
               "latency_p95_ms": p50 * 3, "input_tokens": 4_000, "output_tokens": 2_500})
    };
    let metric = |name: &str, base: f64, tuned: f64| {
        json!({"name": name, "rows": 50, "base_mean": base, "tuned_mean": tuned,
               "difference": tuned - base, "low": tuned - base - 0.05, "high": tuned - base + 0.05,
               "wins": 30, "ties": 12, "losses": 8})
    };
    let evaluation = json!({"run": RUN, "base": "b", "tuned": "e1", "at": at(39), "evaluation": {
        "schema": 1, "sample": "00", "rows": 50, "planned": 200, "stopped_after": 41,
        "verdict": "better",
        "reason": "better: the interval lies above 0", "margin": 0.02, "primary": "rougeL",
        "metrics": [metric("rouge1", 0.31, 0.62), metric("rougeL", 0.25, 0.5)],
        "corpus_bleu": {"base": 4.2, "tuned": 31.0}, "base": side(1, 420), "tuned": side(0, 310),
    }});
    let decision = json!({"run": RUN, "model": "support", "promoted": true,
                          "reason": "promoted: better", "at": at(40)});
    let route = json!({
        "version": 1, "base": "gemini-3.1-flash-lite",
        "target": {"run": RUN, "model": "m@1", "endpoint": "e1"},
        "history": [{"version": 1, "kind": "promote", "to": RUN, "reason": "promoted: better",
                     "at": at(40)}],
    });
    ChainSnapshot {
        evaluation: serde_json::from_value(evaluation).unwrap(),
        decision: serde_json::from_value(decision).unwrap(),
        route: serde_json::from_value(route).unwrap(),
        ..with_state("succeeded")
    }
}

/// The job of the run in the ledger, which was asked to stop once.
pub(crate) fn jobs() -> Vec<JobEntry> {
    let job = json!({
        "name": "projects/p/locations/l/tuningJobs/1", "location": "l", "run": RUN, "attempt": 1,
        "created_at": at(2), "state": "JOB_STATE_SUCCEEDED", "tune_version": "0.3.0",
        "owner": "recorded", "cancels": {"asked_at": [at(30)]}, "first_seen": at(3),
        "last_seen": at(38), "open": false, "ended_at": at(35),
    });
    vec![serde_json::from_value(job).unwrap()]
}
