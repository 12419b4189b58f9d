//! Where a run stands, in plain words: what it does or waits for, and since when.

use chrono::{DateTime, Utc};
use shared::run::{Job, Run, State};

/// How a page colours it; the words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A person is asked.
    Asks,
    /// It waits for something that comes by itself.
    Waits,
    /// It is at work.
    Works,
    /// It ended well.
    Good,
    /// It ended badly.
    Bad,
    /// It ended by a decision.
    Ended,
}

impl Tone {
    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Waits => "waits",
            Self::Works => "works",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Ended => "ended",
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How to colour it.
    pub(crate) tone: Tone,
    /// What it does or waits for; may hold the service's words.
    pub(crate) doing: String,
    /// Since when it has done that; `None` once it has ended.
    pub(crate) since: Option<DateTime<Utc>>,
}

/// Where `run` stands.
pub(crate) fn standing(run: &Run) -> Standing {
    let approved = run.approval.as_ref().map(|approval| approval.at);
    let (tone, doing, since) = match (run.state, &run.armed, &run.job) {
        (State::AwaitingApproval, _, _) => {
            let asks = "waits for a person to approve its price".to_owned();
            (Tone::Asks, asks, Some(run.created_at))
        }
        (State::Queued, Some(armed), _) => {
            let submits = "its job is being submitted".to_owned();
            (Tone::Works, submits, Some(armed.at))
        }
        (State::Queued, None, _) => {
            let waits = "waits for its turn".to_owned();
            (Tone::Waits, waits, approved.or(Some(run.created_at)))
        }
        (State::Running, _, Some(job)) => {
            let (tone, doing) = of_job(job);
            (tone, doing, job.state_since)
        }
        (State::Running, _, None) => (Tone::Works, "its job runs".to_owned(), approved),
        (State::Stopping, _, _) => {
            let stops = "the service was asked to stop its job".to_owned();
            (Tone::Waits, stops, run.stop.as_ref().map(|stop| stop.at))
        }
        (State::Succeeded, _, _) => (Tone::Good, "its model is made".to_owned(), None),
        (State::Failed, _, _) => (Tone::Bad, "it failed for good".to_owned(), None),
        (State::Cancelled, _, _) => (Tone::Ended, "it was stopped".to_owned(), None),
    };
    Standing { tone, doing, since }
}

/// What the service does with a job; a state that is newer than this console stands as it is.
fn of_job(job: &Job) -> (Tone, String) {
    let state = after(&job.state, "JOB_STATE_");
    let sub_state = job.sub_state.as_deref().unwrap_or_default();
    let (tone, doing) = match (state, after(sub_state, "TUNING_JOB_STATE_")) {
        (_, "WAITING_FOR_QUOTA") => (
            Tone::Waits,
            "waits for quota: the project may run no more jobs at a time",
        ),
        (_, "PROCESSING_DATASET") => (Tone::Works, "the service reads the dataset"),
        (_, "WAITING_FOR_CAPACITY") => (
            Tone::Waits,
            "waits for capacity: the service has no machines free",
        ),
        (_, "TUNING") => (Tone::Works, "tunes"),
        (_, "POST_PROCESSING") => (
            Tone::Works,
            "post-processing: the service makes the tuned model ready",
        ),
        ("QUEUED" | "PENDING", "" | "UNSPECIFIED") => {
            (Tone::Waits, "the service has not begun its job yet")
        }
        ("RUNNING", "" | "UNSPECIFIED") => (Tone::Works, "its job runs"),
        (state, "" | "UNSPECIFIED") => {
            return (Tone::Works, format!("the service says {state}"));
        }
        (state, sub_state) => {
            return (
                Tone::Works,
                format!("the service says {state}: {sub_state}"),
            );
        }
    };
    (tone, doing.to_owned())
}

fn after<'a>(text: &'a str, prefix: &str) -> &'a str {
    text.strip_prefix(prefix).unwrap_or(text)
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Of what.
    pub(crate) unit: &'static str,
    /// Done.
    pub(crate) done: u64,
    /// To be done; never 0.
    pub(crate) total: u64,
}

/// How far `run` is: by steps, by epochs where the service does not tell of steps.
pub(crate) fn progress(run: &Run) -> Option<Progress> {
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
    (total > 0).then(|| Progress {
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
    fn check(state: &str, sub_state: Option<&str>, tone: Tone, expected: &str) {
        let job = json!({"name": "n", "state": state, "sub_state": sub_state,
            "state_since": sample::at(5)});
        let found = standing(&sample::run(&json!({"state": "running", "job": job})));
        assert_eq!(found.tone, tone, "{state} {sub_state:?}");
        assert!(found.doing.contains(expected), "{found:?}");
        assert_eq!(found.since, Some(sample::at(5)), "{state} {sub_state:?}");
    }

    #[test]
    fn what_a_job_waits_for_is_plain() {
        let running = "JOB_STATE_RUNNING";
        check("JOB_STATE_PENDING", None, Tone::Waits, "not begun");
        check(running, Some("WAITING_FOR_QUOTA"), Tone::Waits, "quota");
        check(running, Some("PROCESSING_DATASET"), Tone::Works, "dataset");
        check(
            running,
            Some("TUNING_JOB_STATE_WAITING_FOR_CAPACITY"),
            Tone::Waits,
            "capacity",
        );
        check(running, Some("TUNING"), Tone::Works, "tunes");
        check(
            running,
            Some("POST_PROCESSING"),
            Tone::Works,
            "post-processing",
        );
        check(running, None, Tone::Works, "its job runs");
        check(
            running,
            Some("NAPPING"),
            Tone::Works,
            "says RUNNING: NAPPING",
        );
        check("JOB_STATE_PAUSED", None, Tone::Works, "says PAUSED");
    }

    #[test]
    fn a_price_above_the_budget_asks_a_person() {
        let run = sample::run(&json!({"state": "awaiting_approval"}));
        let found = standing(&run);
        assert_eq!(found.tone, Tone::Asks);
        assert_eq!(found.since, Some(run.created_at));
    }

    #[track_caller]
    fn check_progress(extra: &serde_json::Value, expected: Option<(&str, u64, u64)>) {
        let found = progress(&sample::run(extra)).map(|p| (p.unit, p.done, p.total));
        assert_eq!(found, expected, "{extra}");
    }

    #[test]
    fn progress_is_by_steps_where_they_are_told() {
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
