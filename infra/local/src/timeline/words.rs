//! The provider's states in plain words.

use shared::run::{Job, Run, State};

/// What a job does, in plain words, and whether that is tuning.
///
/// The wait for a quota is the one that surprises: Google grants a project one tuning job at a
/// time unless asked for more.
pub(crate) fn job_words(job: &Job) -> (String, bool) {
    let sub_state = job.sub_state.as_deref().unwrap_or_default();
    let words = match (
        job.state.trim_start_matches("JOB_STATE_"),
        sub_state.trim_start_matches("TUNING_JOB_STATE_"),
    ) {
        (_, "WAITING_FOR_QUOTA") => "Vertex AI waits for a quota: one job at a time is the default",
        (_, "PROCESSING_DATASET") => "Vertex AI reads the dataset",
        (_, "WAITING_FOR_CAPACITY") => "Vertex AI waits for free machines",
        (_, "POST_PROCESSING") => "Vertex AI puts the tuned model together",
        (_, "TUNING") | ("RUNNING", "") => return ("Vertex AI tunes".to_owned(), true),
        ("QUEUED" | "PENDING", "") => "Vertex AI prepares the job",
        ("CANCELLING", _) => "Vertex AI stops the job",
        ("SUCCEEDED" | "PARTIALLY_SUCCEEDED", _) => "the job is done",
        ("FAILED" | "EXPIRED", _) => "the job failed",
        ("CANCELLED", _) => "the job is stopped",
        (state, "") => return (format!("Vertex AI says {state}"), false),
        (state, sub) => return (format!("Vertex AI says {state}, {sub}"), false),
    };
    (words.to_owned(), false)
}

/// Why a run stands where it stands: of a running one, what its job does; of a stopped one, what
/// its curve showed.
pub(crate) fn reason_words(run: &Run) -> String {
    match (run.state, &run.job, &run.stop) {
        (State::Running, Some(job), _) => job_words(job).0,
        (State::Cancelled, _, Some(stop)) => {
            let finding = stop.finding;
            format!("for `{}`: {}", finding.as_str(), finding.advice())
        }
        (_, _, _) => run.reason.clone(),
    }
}

/// A run's state for people.
pub(crate) fn state_words(state: State) -> &'static str {
    match state {
        State::AwaitingApproval => "awaits approval",
        State::Queued => "queued",
        State::Running => "running",
        State::Stopping => "stopping",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::Cancelled => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, sub_state: Option<&str>, words: &str, tunes: bool) {
        let job = Job {
            state: state.to_owned(),
            sub_state: sub_state.map(str::to_owned),
            ..Job::default()
        };
        assert_eq!(
            job_words(&job),
            (words.to_owned(), tunes),
            "{state} {sub_state:?}"
        );
    }

    #[test]
    fn every_wait_is_named() {
        let quota = "Vertex AI waits for a quota: one job at a time is the default";
        check("JOB_STATE_PENDING", Some("WAITING_FOR_QUOTA"), quota, false);
        check(
            "JOB_STATE_PENDING",
            None,
            "Vertex AI prepares the job",
            false,
        );
        check(
            "JOB_STATE_RUNNING",
            Some("TUNING_JOB_STATE_TUNING"),
            "Vertex AI tunes",
            true,
        );
        check("JOB_STATE_RUNNING", None, "Vertex AI tunes", true);
        check(
            "JOB_STATE_RUNNING",
            Some("NAPPING"),
            "Vertex AI says RUNNING, NAPPING",
            false,
        );
        check("JOB_STATE_PAUSED", None, "Vertex AI says PAUSED", false);
    }
}
