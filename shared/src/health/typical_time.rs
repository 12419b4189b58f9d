//! How long a job typically stays in a state.
//!
//! Google publishes no figures. Each row names where its own comes from; a person who has measured
//! better ones changes the row and its source.

use chrono::TimeDelta;

use crate::job_state::{JobPhase, JobState};

/// How long a job typically stays in one state, at most.
#[derive(Debug)]
struct TypicalTime {
    /// Google's word for the state or the sub-state, without its prefix.
    word: &'static str,
    /// The time.
    minutes: i64,
    /// Where the figure comes from.
    #[cfg_attr(not(test), expect(dead_code, reason = "for who changes the figure"))]
    source: &'static str,
}

const fn typical(word: &'static str, minutes: i64, source: &'static str) -> TypicalTime {
    TypicalTime {
        word,
        minutes,
        source,
    }
}

/// The states in which a job waits or prepares. Tuning itself has limits of its own: `stalled` and
/// `over_time`.
const TYPICAL: [TypicalTime; 10] = [
    typical(
        "WAITING_FOR_QUOTA",
        180,
        "the default quota is one job at a time \
         (https://cloud.google.com/vertex-ai/generative-ai/docs/quotas), and jobs of some hundred \
         rows take up to three hours \
         (https://github.com/GoogleCloudPlatform/generative-ai/issues/656): assumed, one such job",
    ),
    typical(
        "WAITING_FOR_CAPACITY",
        60,
        "assumed: no figure is published; capacity is shared, and an hour is what a job itself takes",
    ),
    typical(
        "PROCESSING_DATASET",
        60,
        "minutes for megabytes; validating 1.1 GB for 18 hours was reported as a fault \
         (https://github.com/GoogleCloudPlatform/generative-ai/issues/656)",
    ),
    typical(
        "POST_PROCESSING",
        60,
        "assumed: it copies adapters and deploys an endpoint for each checkpoint",
    ),
    typical(
        "QUEUED",
        60,
        "assumed: preparation before the sub-states begin",
    ),
    typical(
        "PENDING",
        60,
        "assumed: preparation before the sub-states begin",
    ),
    typical(
        "PAUSED",
        15,
        "tuning jobs have no call that pauses them, so every pause is unusual \
         (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.tuningJobs)",
    ),
    typical(
        "UPDATING",
        15,
        "jobs in this state only change their resources and go on by themselves \
         (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/JobState)",
    ),
    typical(
        "CANCELLING",
        30,
        "cancelling is best effort, without a promised time \
         (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.tuningJobs/cancel): \
         assumed",
    ),
    typical("", 60, "a job without a state: assumed"),
];
/// The same for a word that is not listed: newer than this build.
const UNKNOWN_MINUTES: i64 = 60;

/// The state that a job waits in, and how long that typically takes; `None` while it tunes and when
/// it has ended.
pub(super) fn typical_time(
    state: &JobState,
    phase: Option<&JobPhase>,
) -> Option<(String, TimeDelta)> {
    // Proto JSON may name the zero value, which says nothing.
    let phase = phase.map(ToString::to_string);
    let phase = phase.filter(|phase| !matches!(phase.as_str(), "" | "UNSPECIFIED"));
    let word = match state {
        JobState::Succeeded
        | JobState::PartiallySucceeded
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled => return None,
        JobState::Running => phase.filter(|phase| phase != "TUNING")?,
        JobState::Queued | JobState::Pending => phase.unwrap_or_else(|| state.to_string()),
        JobState::Cancelling | JobState::Other(_) => state.to_string(),
    };
    let listed = TYPICAL.iter().find(|row| row.word == word);
    let minutes = listed.map_or(UNKNOWN_MINUTES, |row| row.minutes);
    Some((word, TimeDelta::minutes(minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, phase: Option<&str>, expected: Option<(&str, i64)>) {
        let state = JobState::from(state.to_owned());
        let phase = phase.map(|phase| JobPhase::from(phase.to_owned()));
        let found = typical_time(&state, phase.as_ref());
        let expected =
            expected.map(|(word, minutes)| (word.to_owned(), TimeDelta::minutes(minutes)));
        assert_eq!(found, expected, "{state:?} {phase:?}");
    }

    #[test]
    fn every_wait_has_a_typical_time() {
        check("JOB_STATE_PAUSED", None, Some(("PAUSED", 15)));
        check("JOB_STATE_PENDING", None, Some(("PENDING", 60)));
        let quota = Some("TUNING_JOB_STATE_WAITING_FOR_QUOTA");
        check("JOB_STATE_PENDING", quota, Some(("WAITING_FOR_QUOTA", 180)));
        check("JOB_STATE_RUNNING", quota, Some(("WAITING_FOR_QUOTA", 180)));
        check("JOB_STATE_RUNNING", Some("NAPPING"), Some(("NAPPING", 60)));
        check("JOB_STATE_NAPPING", None, Some(("NAPPING", 60)));
        let tuning = Some("TUNING_JOB_STATE_TUNING");
        check("JOB_STATE_RUNNING", tuning, None);
        check("JOB_STATE_RUNNING", None, None);
        check("JOB_STATE_SUCCEEDED", quota, None);
    }

    #[test]
    fn every_typical_time_has_a_source() {
        for row in TYPICAL {
            assert!(row.minutes > 0 && row.source.len() > 10, "{row:?}");
        }
    }
}
