//! The job ledger: one document for every tuning job that Lapidary created, whatever became of its run.
//!
//! A job costs money until it ends, and `tuningJobs.create` has no request id. So jobs are followed for
//! their own sake: `tune` writes what it sent, `watch` writes what the service says, at every tick.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    google::{
        documents::Document,
        vertex::{JobName, TuningJob},
    },
    id::RunId,
    job_state::{JobPhase, JobState},
};

/// Consecutive ticks at which neither a get nor a complete list must find a job before it counts as gone.
/// A get of a live job has answered 404 (<https://github.com/googleapis/python-aiplatform/issues/6581>),
/// and a list may lag behind by a minute.
pub const MISSING_TICKS: u32 = 5;
/// Answers of the service that are kept, the newest; a job has some ten.
const ANSWERS_MAX: usize = 50;
/// Times of requests to stop that are kept, the newest; at one in five minutes, four hours.
const ASKS_MAX: usize = 50;

/// How a job belongs to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOwner {
    /// Its run recorded it when it was created.
    Recorded,
    /// Its run waited with an unknown outcome, and took it over.
    Adopted,
    /// Its run has another job: this one is cancelled.
    Surplus,
    /// It has no run, or one that has ended otherwise: it is cancelled.
    Orphan,
}

impl JobOwner {
    /// The name in documents and log fields.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Adopted => "adopted",
            Self::Surplus => "surplus",
            Self::Orphan => "orphan",
        }
    }
}

/// What the service said of a job, when that differed from what it had said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAnswer {
    /// When it was first seen.
    pub at: DateTime<Utc>,
    /// The state.
    pub state: JobState,
    /// The sub-state.
    pub sub_state: Option<JobPhase>,
    /// What went wrong.
    pub error: Option<String>,
    /// The digest of the whole answer.
    pub digest: String,
}

/// The requests to stop a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancels {
    /// When the service accepted one.
    pub asked_at: Vec<DateTime<Utc>>,
    /// How many it accepted, also those whose times are no longer kept.
    #[serde(default)]
    pub accepted: u32,
    /// When the first was made, accepted or not.
    #[serde(default)]
    pub first_at: Option<DateTime<Utc>>,
    /// When the newest was made, accepted or not.
    #[serde(default)]
    pub last_at: Option<DateTime<Utc>>,
    /// Why the newest one was not accepted; `None` where it was.
    #[serde(default)]
    pub failure: Option<String>,
}

impl Cancels {
    /// Records a request at `now`, and why it was not accepted, if it was not.
    pub fn record(&mut self, failure: Option<String>, now: DateTime<Utc>) {
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        if failure.is_none() {
            self.accepted = self.accepted.saturating_add(1);
            self.asked_at.push(now);
            let surplus = self.asked_at.len().saturating_sub(ASKS_MAX);
            self.asked_at.drain(..surplus);
        }
        self.failure = failure;
    }
}

/// The document `jobs/{location}-{job}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobEntry {
    /// Its name, as the service wrote it first.
    pub name: JobName,
    /// Where it runs.
    pub location: String,
    /// The run in its label, where that is the id of a run.
    pub run: Option<RunId>,
    /// The attempt of that run, from 1.
    pub attempt: u32,
    /// When it was created, by the service's clock.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// Its state.
    pub state: JobState,
    /// What it does while it runs.
    #[serde(default)]
    pub sub_state: Option<JobPhase>,
    /// Each change, oldest first.
    #[serde(default)]
    pub answers: Vec<JobAnswer>,
    /// The request that created it, as it was sent.
    #[serde(default)]
    pub request: Option<String>,
    /// The version of the program that sent it.
    #[serde(default)]
    pub tune_version: Option<String>,
    /// What was reserved for it, in millionths of a US dollar.
    #[serde(default)]
    pub reserved_micros: Option<u64>,
    /// Tokens of one pass that are billed, once the service has counted.
    #[serde(default)]
    pub billed_tokens: Option<u64>,
    /// Epochs that it has done, as far as the service says.
    #[serde(default)]
    pub completed_epochs: Option<u32>,
    /// What it cost in the end, in millionths of a US dollar.
    #[serde(default)]
    pub cost_micros: Option<u64>,
    /// How it belongs to its run.
    pub owner: JobOwner,
    /// The requests to stop it.
    #[serde(default)]
    pub cancels: Cancels,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// When it was seen last.
    pub last_seen: DateTime<Utc>,
    /// Consecutive ticks at which neither a get nor a complete list found it.
    #[serde(default)]
    pub missing_ticks: u32,
    /// Whether it may still cost money: neither has it ended, nor is it gone.
    pub open: bool,
    /// When it ended, or was given up as gone.
    #[serde(default)]
    pub ended_at: Option<DateTime<Utc>>,
}

impl Document for JobEntry {
    const COLLECTION: &'static str = "jobs";

    fn query_fields(&self) -> Vec<(&'static str, String)> {
        // Without a run there is no price.
        let is_unpriced = self.cost_micros.is_none() && self.run.is_some();
        is_unpriced
            .then(|| (Self::UNPRICED, "yes".to_owned()))
            .into_iter()
            .collect()
    }
}

impl JobEntry {
    /// The field of jobs whose cost is not recorded yet.
    pub const UNPRICED: &'static str = "is_unpriced";

    /// The entry of a job that is seen for the first time at `now`.
    pub fn new(name: JobName, job: &TuningJob, owner: JobOwner, now: DateTime<Utc>) -> Self {
        let mut entry = Self {
            location: name.location().to_owned(),
            name,
            run: job.run(),
            attempt: job.attempt(),
            created_at: job.create_time,
            state: JobState::default(),
            sub_state: None,
            answers: Vec::new(),
            request: None,
            tune_version: None,
            reserved_micros: None,
            billed_tokens: None,
            completed_epochs: None,
            cost_micros: None,
            owner,
            cancels: Cancels::default(),
            first_seen: now,
            last_seen: now,
            missing_ticks: 0,
            open: true,
            ended_at: None,
        };
        entry.see(job, now);
        entry
    }

    /// Merges what the service says of the job at `now`.
    ///
    /// A list may lag behind, so a job that has ended stays ended. One that was given up as gone and
    /// appears again does not: it may cost money.
    pub fn see(&mut self, job: &TuningJob, now: DateTime<Utc>) {
        self.last_seen = now;
        self.missing_ticks = 0;
        if self.state.is_final() {
            return;
        }
        let record = job.record(None, now);
        let answer = JobAnswer {
            at: now,
            state: job.state.clone(),
            sub_state: job.tuning_job_state.clone(),
            error: record.error,
            digest: job.digest().to_owned(),
        };
        if self
            .answers
            .last()
            .is_none_or(|last| last.digest != answer.digest)
        {
            self.answers.push(answer);
            let surplus = self.answers.len().saturating_sub(ANSWERS_MAX);
            self.answers.drain(..surplus);
        }
        self.created_at = self.created_at.or(job.create_time);
        self.state = job.state.clone();
        self.sub_state.clone_from(&job.tuning_job_state);
        self.billed_tokens = record.billable_tokens.or(self.billed_tokens);
        self.completed_epochs = record.completed_epochs.or(self.completed_epochs);
        self.open = !job.is_final();
        self.ended_at = job.is_final().then(|| record.ended_at.unwrap_or(now));
    }

    /// Merges that neither a get nor a complete list found the job at `now`; `true` once that is confirmed,
    /// and the job is given up as gone.
    ///
    /// An incomplete list, or one that was refused, is not such an observation.
    #[must_use]
    pub fn miss(&mut self, now: DateTime<Utc>) -> bool {
        self.missing_ticks = self.missing_ticks.saturating_add(1);
        let is_gone = self.open && self.missing_ticks >= MISSING_TICKS;
        if is_gone {
            self.open = false;
            self.ended_at = Some(now);
        }
        is_gone
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn job(project: &str, state: &str, epochs: u32) -> TuningJob {
        TuningJob::read(json!({
            "name": format!("projects/{project}/locations/us-central1/tuningJobs/7"),
            "state": format!("JOB_STATE_{state}"),
            "labels": {"app": "lapidary", "lapidary_run": "a-b-c", "lapidary_attempt": "2"},
            "tuningJobMetadata": {"completedEpochCount": epochs.to_string()},
            "updateTime": format!("2026-11-22T10:00:0{epochs}Z"),
        }))
        .unwrap()
    }

    fn entry() -> JobEntry {
        let job = job("acme", "RUNNING", 0);
        JobEntry::new(job.name.parse().unwrap(), &job, JobOwner::Recorded, at(0))
    }

    #[test]
    fn an_answer_is_kept_where_it_changed() {
        let mut entry = entry();
        assert_eq!((entry.attempt, entry.answers.len()), (2, 1));
        let mut same = job("123", "RUNNING", 0);
        entry.see(&same, at(1));
        same.name = String::new();
        entry.see(&same, at(2));
        assert_eq!(
            (entry.answers.len(), entry.last_seen),
            (1, at(2)),
            "nothing changed"
        );
        entry.see(&job("acme", "RUNNING", 1), at(3));
        entry.see(&job("acme", "CANCELLED", 1), at(4));
        let states: Vec<String> = entry
            .answers
            .iter()
            .map(|it| it.state.to_string())
            .collect();
        assert_eq!(states, ["RUNNING", "RUNNING", "CANCELLED"]);
        assert_eq!((entry.open, entry.ended_at), (false, Some(at(4))));
    }

    #[test]
    fn a_list_that_lags_behind_does_not_open_a_job_again() {
        let mut entry = entry();
        entry.see(&job("acme", "FAILED", 1), at(1));
        entry.see(&job("acme", "RUNNING", 1), at(2));
        assert_eq!((entry.state, entry.open), (JobState::Failed, false));
    }

    #[test]
    fn a_job_is_gone_after_several_ticks_and_comes_back_when_it_is_seen() {
        let mut entry = entry();
        let missed: Vec<bool> = (1..=5).map(|minute| entry.miss(at(minute))).collect();
        assert_eq!(missed, [false, false, false, false, true]);
        assert_eq!((entry.open, entry.ended_at), (false, Some(at(5))));
        entry.see(&job("acme", "RUNNING", 1), at(6));
        assert_eq!(
            (entry.open, entry.ended_at, entry.missing_ticks),
            (true, None, 0)
        );
    }

    #[test]
    fn one_stray_404_is_forgotten() {
        let mut entry = entry();
        for minute in 1..20 {
            assert!(!entry.miss(at(minute)));
            entry.see(&job("acme", "RUNNING", 1), at(minute));
        }
    }
}
