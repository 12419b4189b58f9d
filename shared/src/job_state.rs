//! What Vertex AI says about a tuning job: its state and its phase, parsed here and put into plain
//! words here.
//!
//! States: <https://cloud.google.com/vertex-ai/docs/reference/rest/v1/JobState>. Phases are those
//! of v1beta1, which writes them with their prefix; older answers came without one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The prefix of every state.
const STATE_PREFIX: &str = "JOB_STATE_";
/// The prefix of every phase.
const PHASE_PREFIX: &str = "TUNING_JOB_STATE_";

/// The state of a job. A word that is newer than this build is kept as it is, and ends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[expect(missing_docs, reason = "the names are Google's, and documented there")]
pub enum JobState {
    Queued,
    Pending,
    Running,
    Succeeded,
    PartiallySucceeded,
    Failed,
    Expired,
    Cancelling,
    Cancelled,
    /// Any other, without the prefix.
    Other(String),
}

impl Default for JobState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl From<String> for JobState {
    fn from(text: String) -> Self {
        match text.strip_prefix(STATE_PREFIX).unwrap_or(&text) {
            "QUEUED" => Self::Queued,
            "PENDING" => Self::Pending,
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "PARTIALLY_SUCCEEDED" => Self::PartiallySucceeded,
            "FAILED" => Self::Failed,
            "EXPIRED" => Self::Expired,
            "CANCELLING" => Self::Cancelling,
            "CANCELLED" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<JobState> for String {
    fn from(state: JobState) -> Self {
        match state.as_str() {
            "" => Self::new(),
            word => format!("{STATE_PREFIX}{word}"),
        }
    }
}

/// The word without its prefix, as screens and histories show it.
impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JobState {
    fn as_str(&self) -> &str {
        match self {
            Self::Queued => "QUEUED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::PartiallySucceeded => "PARTIALLY_SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Other(word) => word,
        }
    }

    /// Whether nothing more happens to the job.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Succeeded
            | Self::PartiallySucceeded
            | Self::Failed
            | Self::Expired
            | Self::Cancelled => true,
            Self::Queued | Self::Pending | Self::Running | Self::Cancelling | Self::Other(_) => {
                false
            }
        }
    }
}

/// What a job does while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[expect(missing_docs, reason = "the names are Google's, and documented there")]
pub enum JobPhase {
    WaitingForQuota,
    WaitingForCapacity,
    ProcessingDataset,
    Tuning,
    PostProcessing,
    /// Any other, without the prefix.
    Other(String),
}

impl From<String> for JobPhase {
    fn from(text: String) -> Self {
        match text.strip_prefix(PHASE_PREFIX).unwrap_or(&text) {
            "WAITING_FOR_QUOTA" => Self::WaitingForQuota,
            "WAITING_FOR_CAPACITY" => Self::WaitingForCapacity,
            "PROCESSING_DATASET" => Self::ProcessingDataset,
            "TUNING" => Self::Tuning,
            "POST_PROCESSING" => Self::PostProcessing,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<JobPhase> for String {
    fn from(phase: JobPhase) -> Self {
        format!("{PHASE_PREFIX}{phase}")
    }
}

/// The word without its prefix, as screens and histories show it.
impl fmt::Display for JobPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WaitingForQuota => "WAITING_FOR_QUOTA",
            Self::WaitingForCapacity => "WAITING_FOR_CAPACITY",
            Self::ProcessingDataset => "PROCESSING_DATASET",
            Self::Tuning => "TUNING",
            Self::PostProcessing => "POST_PROCESSING",
            Self::Other(word) => word,
        })
    }
}

/// What the service does with a job, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobActivity {
    /// In plain words.
    pub words: String,
    /// Whether the job waits, rather than works or has ended.
    pub waits: bool,
    /// Whether it makes steps.
    pub tunes: bool,
}

impl JobActivity {
    /// What a job in `state` and `phase` does.
    ///
    /// The wait for a quota is the one that surprises: Google grants a project one tuning job at
    /// a time unless asked for more.
    pub fn of(state: &JobState, phase: Option<&JobPhase>) -> Self {
        let waits = |words: &str| Self {
            words: words.to_owned(),
            waits: true,
            tunes: false,
        };
        let works = |words: &str| Self {
            words: words.to_owned(),
            waits: false,
            tunes: false,
        };
        let tunes = Self {
            tunes: true,
            ..works("Vertex AI tunes")
        };
        let phase = phase.filter(|phase| {
            // Proto JSON may name the zero value, which says nothing.
            !matches!(phase, JobPhase::Other(word) if matches!(word.as_str(), "" | "UNSPECIFIED"))
        });
        match (state, phase) {
            (JobState::Succeeded | JobState::PartiallySucceeded, _) => works("the job is done"),
            (JobState::Failed | JobState::Expired, _) => works("the job failed"),
            (JobState::Cancelled, _) => works("the job is stopped"),
            (JobState::Cancelling, _) => works("Vertex AI stops the job"),
            (_, Some(JobPhase::WaitingForQuota)) => {
                waits("Vertex AI waits for a quota: one job at a time is the default")
            }
            (_, Some(JobPhase::WaitingForCapacity)) => waits("Vertex AI waits for capacity"),
            (_, Some(JobPhase::ProcessingDataset)) => works("Vertex AI reads the dataset"),
            (_, Some(JobPhase::PostProcessing)) => works("Vertex AI finalises the tuned model"),
            (_, Some(JobPhase::Tuning)) | (JobState::Running, None) => tunes,
            (JobState::Queued | JobState::Pending, None) => waits("Vertex AI prepares the job"),
            (state, None) => works(&format!("Vertex AI says {state}")),
            (state, Some(phase)) => works(&format!("Vertex AI says {state}, {phase}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, phase: Option<&str>, expected: &str) {
        let (state, phase) = (
            JobState::from(state.to_owned()),
            phase.map(|phase| JobPhase::from(phase.to_owned())),
        );
        let activity = JobActivity::of(&state, phase.as_ref());
        assert_eq!(activity.words, expected, "{state:?} {phase:?}");
    }

    #[test]
    fn every_wait_is_named() {
        let quota = "Vertex AI waits for a quota: one job at a time is the default";
        check("JOB_STATE_PENDING", Some("WAITING_FOR_QUOTA"), quota);
        check("JOB_STATE_PENDING", None, "Vertex AI prepares the job");
        let capacity = Some("TUNING_JOB_STATE_WAITING_FOR_CAPACITY");
        let machines = "Vertex AI waits for capacity";
        check("JOB_STATE_RUNNING", capacity, machines);
        let tuning = Some("TUNING_JOB_STATE_TUNING");
        check("JOB_STATE_RUNNING", tuning, "Vertex AI tunes");
        check("JOB_STATE_RUNNING", None, "Vertex AI tunes");
        let unspecified = Some("TUNING_JOB_STATE_UNSPECIFIED");
        check("JOB_STATE_RUNNING", unspecified, "Vertex AI tunes");
        check(
            "JOB_STATE_RUNNING",
            Some("NAPPING"),
            "Vertex AI says RUNNING, NAPPING",
        );
        check("JOB_STATE_PAUSED", None, "Vertex AI says PAUSED");
        check("JOB_STATE_CANCELLED", tuning, "the job is stopped");
    }

    #[test]
    fn a_state_is_written_as_it_was_read() {
        for text in ["JOB_STATE_RUNNING", "JOB_STATE_PAUSED", ""] {
            assert_eq!(String::from(JobState::from(text.to_owned())), text);
        }
        assert_eq!(JobState::from("FAILED".to_owned()), JobState::Failed);
        let phase = "TUNING_JOB_STATE_TUNING";
        for read in [phase, "TUNING"] {
            assert_eq!(String::from(JobPhase::from(read.to_owned())), phase);
        }
    }

    #[test]
    fn only_known_ends_are_ends() {
        for text in [
            "SUCCEEDED",
            "PARTIALLY_SUCCEEDED",
            "FAILED",
            "EXPIRED",
            "CANCELLED",
        ] {
            assert!(JobState::from(text.to_owned()).is_final(), "{text}");
        }
        for text in ["QUEUED", "PENDING", "RUNNING", "CANCELLING", "PAUSED", ""] {
            assert!(!JobState::from(text.to_owned()).is_final(), "{text}");
        }
    }
}
