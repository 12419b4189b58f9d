//! Which failed runs are tried again without a person.

use shared::run::{Job, Run, State};

/// Attempts of a run that are made without a person. An internal error that comes twice is not one that
/// passes, and each attempt costs what the run costs.
pub const ATTEMPTS_MAX: u32 = 2;
/// INTERNAL, as `google.rpc.Code` counts.
const INTERNAL: i64 = 13;

/// Why `run` is tried again by itself; `None` where it is not.
///
/// Only after an internal error of the service, which says nothing about the rows or the plan. Any other
/// failure, and every decision to stop, waits for a person: `lapidary retry`.
pub fn tried_again(run: &Run) -> Option<String> {
    let is_unwanted = run.stop.is_some() || run.withdrawal.is_some();
    if run.state != State::Failed || is_unwanted || run.made_model().is_some() {
        return None;
    }
    let job = run.job.as_ref()?;
    if run.attempt >= ATTEMPTS_MAX || !is_internal(job) {
        return None;
    }
    let error = job.error.as_deref().unwrap_or("an internal error");
    Some(format!("the service failed: {error}"))
}

/// Whether the service says that it, and not the job, is at fault.
fn is_internal(job: &Job) -> bool {
    let message = job.error.as_deref().unwrap_or_default().to_lowercase();
    let asks = message.contains("internal error") && message.contains("try again");
    job.error_code == Some(INTERNAL) || asks
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    #[track_caller]
    fn check(extra: &Value, expected: bool) {
        let failed = fixtures::run(&[&json!({"state": "failed"}), extra]);
        assert_eq!(tried_again(&failed).is_some(), expected, "{extra}");
    }

    #[test]
    fn only_an_internal_error_is_tried_again_and_only_once() {
        let job = |code: Option<i64>, error: &str| json!({"name": "j", "state": "JOB_STATE_FAILED", "error": error, "error_code": code});
        let internal = job(Some(13), "Internal error encountered.");
        check(&json!({"job": internal}), true);
        let words = "Internal error encountered. Please try again later.";
        check(&json!({"job": job(None, words)}), true);
        check(
            &json!({"job": job(Some(3), "The dataset is malformed.")}),
            false,
        );
        check(&json!({"job": job(None, "an internal error")}), false);
        check(&json!({}), false);
        check(&json!({"job": internal, "attempt": 2}), false);
        check(&json!({"job": internal, "state": "cancelled"}), false);
        let withdrawal = json!({"by": "ada", "why": "w", "at": "2026-11-22T10:00:00Z"});
        check(&json!({"job": internal, "withdrawal": withdrawal}), false);
        let mut left = internal.clone();
        left["model"] = "projects/p/locations/us/models/3@1".into();
        check(&json!({"job": left}), false);
    }
}
