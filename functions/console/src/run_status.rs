//! The status of a run in plain words: what it does or waits for, and since when.

use chrono::{DateTime, Utc};
use shared::run::{Job, Run, State};

/// The severity of a status. A page shows it as a colour; the words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusSeverity {
    /// A person must act.
    ActionNeeded,
    /// It waits for something that happens without anyone acting.
    Waiting,
    /// It makes progress.
    Working,
    /// It ended well.
    Success,
    /// It ended badly.
    Failure,
    /// It ended by a decision.
    Ended,
}

impl StatusSeverity {
    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::ActionNeeded => "action-needed",
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Ended => "ended",
        }
    }
}

/// The status of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunStatus {
    /// Its severity.
    pub(crate) severity: StatusSeverity,
    /// What it does or waits for; may contain text of the service.
    pub(crate) doing: String,
    /// Since when; `None` once it has ended.
    pub(crate) since: Option<DateTime<Utc>>,
}

/// The status of `run`.
pub(crate) fn run_status(run: &Run) -> RunStatus {
    let approved = run.approval.as_ref().map(|approval| approval.at);
    let (severity, doing, since) = match (run.state, &run.armed, &run.job) {
        (State::AwaitingApproval, _, _) => {
            let waits = "waits for approval of its price".to_owned();
            (StatusSeverity::ActionNeeded, waits, Some(run.created_at))
        }
        (State::Queued, Some(armed), _) => {
            let submits = "its job is being submitted".to_owned();
            (StatusSeverity::Working, submits, Some(armed.at))
        }
        (State::Queued, None, _) => {
            let waits = "waits for its turn".to_owned();
            (
                StatusSeverity::Waiting,
                waits,
                approved.or(Some(run.created_at)),
            )
        }
        (State::Running, _, Some(job)) => {
            let (severity, doing) = of_job(job);
            (severity, doing, job.state_since)
        }
        (State::Running, _, None) => (StatusSeverity::Working, "its job runs".to_owned(), approved),
        (State::Stopping, _, _) => {
            let stops = "waits for the service to stop its job".to_owned();
            (
                StatusSeverity::Waiting,
                stops,
                run.stop.as_ref().map(|stop| stop.at),
            )
        }
        (State::Succeeded, _, _) => (
            StatusSeverity::Success,
            "its model is ready".to_owned(),
            None,
        ),
        (State::Failed, _, _) => (StatusSeverity::Failure, "it failed".to_owned(), None),
        (State::Cancelled, _, _) => (StatusSeverity::Ended, "it was stopped".to_owned(), None),
    };
    RunStatus {
        severity,
        doing,
        since,
    }
}

/// What the service does with a job; a state that this console does not know is shown as it is.
fn of_job(job: &Job) -> (StatusSeverity, String) {
    let activity = job.activity();
    let severity = if activity.waits {
        StatusSeverity::Waiting
    } else {
        StatusSeverity::Working
    };
    (severity, activity.words)
}

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunProgress {
    /// What is counted.
    pub(crate) unit: &'static str,
    /// Done.
    pub(crate) done: u64,
    /// To be done; never 0.
    pub(crate) total: u64,
}

/// The progress of `run`: in steps, or in epochs where the service does not report steps.
pub(crate) fn progress(run: &Run) -> Option<RunProgress> {
    let job = run.job.as_ref()?;
    let steps = run
        .last_step
        .zip(job.steps_total)
        .map(|steps| ("step", steps));
    let epochs = || {
        let done = u64::from(job.completed_epochs?);
        Some(("epoch", (done, u64::from(run.plan.epochs))))
    };
    let (unit, (done, total)) = steps.or_else(epochs)?;
    (total > 0).then(|| RunProgress {
        unit,
        done: done.min(total),
        total,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample;

    #[track_caller]
    fn check(state: &str, sub_state: Option<&str>, severity: StatusSeverity, expected: &str) {
        let job = json!({"name": "n", "state": state, "sub_state": sub_state,
            "state_since": sample::at(5)});
        let found = run_status(&sample::run(&json!({"state": "running", "job": job})));
        assert_eq!(found.severity, severity, "{state} {sub_state:?}");
        assert!(found.doing.contains(expected), "{found:?}");
        assert_eq!(found.since, Some(sample::at(5)), "{state} {sub_state:?}");
    }

    #[test]
    fn the_status_says_what_a_job_waits_for() {
        let running = "JOB_STATE_RUNNING";
        check(
            "JOB_STATE_PENDING",
            None,
            StatusSeverity::Waiting,
            "prepares the job",
        );
        check(
            running,
            Some("WAITING_FOR_QUOTA"),
            StatusSeverity::Waiting,
            "quota",
        );
        check(
            running,
            Some("PROCESSING_DATASET"),
            StatusSeverity::Working,
            "dataset",
        );
        check(
            running,
            Some("TUNING_JOB_STATE_WAITING_FOR_CAPACITY"),
            StatusSeverity::Waiting,
            "waits for capacity",
        );
        check(running, Some("TUNING"), StatusSeverity::Working, "tunes");
        check(
            running,
            Some("POST_PROCESSING"),
            StatusSeverity::Working,
            "finalises the tuned model",
        );
        check(running, None, StatusSeverity::Working, "tunes");
        check(
            running,
            Some("NAPPING"),
            StatusSeverity::Working,
            "says RUNNING, NAPPING",
        );
        check(
            "JOB_STATE_PAUSED",
            None,
            StatusSeverity::Working,
            "says PAUSED",
        );
    }

    #[test]
    fn a_price_above_the_budget_needs_an_approval() {
        let run = sample::run(&json!({"state": "awaiting_approval"}));
        let found = run_status(&run);
        assert_eq!(found.severity, StatusSeverity::ActionNeeded);
        assert_eq!(found.since, Some(run.created_at));
    }

    #[track_caller]
    fn check_progress(extra: &serde_json::Value, expected: Option<(&str, u64, u64)>) {
        let found = progress(&sample::run(extra)).map(|p| (p.unit, p.done, p.total));
        assert_eq!(found, expected, "{extra}");
    }

    #[test]
    fn progress_is_in_steps_where_they_are_reported() {
        let job = |extra: serde_json::Value| {
            let mut job = json!({"name": "n", "state": "JOB_STATE_RUNNING"});
            let fields = job.as_object_mut().unwrap();
            fields.extend(extra.as_object().unwrap().clone());
            job
        };
        let steps = json!({"last_step": 120, "job": job(json!({"steps_total": 400}))});
        check_progress(&steps, Some(("step", 120, 400)));
        let epochs = json!({"job": job(json!({"completed_epochs": 2}))});
        check_progress(&epochs, Some(("epoch", 2, 3)));
        check_progress(
            &json!({"last_step": 1, "job": job(json!({"steps_total": 0}))}),
            None,
        );
        check_progress(&json!({}), None);
    }
}
