//! The settings of `watch`.

use std::time::Duration;

use chrono::TimeDelta;
use shared::{config::Reader, health::HealthLimits, uri::GcsUri};

use crate::notify::config::NotifyConfig;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long a job may tune without a new step before it counts as stalled, in seconds;
    /// `WATCH_STALL_S`, 3600. Healthy jobs step every few minutes.
    pub stall: Duration,
    /// How long a job may tune while its losses cannot be read before that is reported, in seconds;
    /// `WATCH_NO_METRICS_S`, 1800. The experiment of a job appears minutes after the job.
    pub no_metrics: Duration,
    /// How long a job may run before that is reported, in seconds; `WATCH_OVER_TIME_S`, 86400: jobs
    /// have hung for 22 hours (<https://github.com/GoogleCloudPlatform/generative-ai/issues/656>).
    pub over_time: Duration,
    /// Consecutive polls that must show the same fault before `run-unhealthy` is published in place of
    /// an alert; `WATCH_POLLS`, 5: an alert takes up to three minutes.
    pub polls: u32,
    /// Age of a version without a run, or of a run that awaits approval and was not announced, from which its
    /// event is published again, in seconds; `WATCH_LOST_S`, 300.
    pub lost: Duration,
    /// Age from which the event of an upload without a record, or of a decision without its effect, is
    /// published again, and the pause between two such publications, in seconds; `WATCH_UNFOLLOWED_S`, 3600:
    /// six times what a delivery may take.
    pub unfollowed: Duration,
    /// Age from which such work is reported to a person, in seconds; `WATCH_UNDONE_S`, 21600: by then its
    /// event was published some five times.
    pub undone: Duration,
    /// The bucket that rows are uploaded to; `UPLOADS_BUCKET`.
    pub uploads_bucket: String,
    /// The regions in which jobs are looked for; `TUNING_REGIONS`, separated by commas,
    /// `us-central1,europe-west4`: all in which Gemini is tuned.
    pub regions: Vec<String>,
    /// Jobs that may run at a time; `TUNE_JOBS_MAX`, 1. Must equal the setting of tune.
    pub jobs_max: usize,
    /// The operator's policy; `POLICY_URI`.
    pub policy: GcsUri,
    /// Whom to notify.
    pub notify: NotifyConfig,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let stall_s = read.or("WATCH_STALL_S", 3_600);
        let no_metrics_s = read.or("WATCH_NO_METRICS_S", 1_800);
        let over_time_s = read.or("WATCH_OVER_TIME_S", 86_400);
        let polls = read.or("WATCH_POLLS", 5);
        let lost_s = read.or("WATCH_LOST_S", 300);
        let unfollowed_s = read.or("WATCH_UNFOLLOWED_S", 3_600);
        let undone_s = read.or("WATCH_UNDONE_S", 21_600);
        let uploads_bucket = read.required("UPLOADS_BUCKET");
        let regions = read.or("TUNING_REGIONS", "us-central1,europe-west4".to_owned());
        let jobs_max = read.or("TUNE_JOBS_MAX", 1);
        let policy = read.required("POLICY_URI");
        let notify = NotifyConfig::read(read);
        Some(Self {
            stall: Duration::from_secs(stall_s?),
            no_metrics: Duration::from_secs(no_metrics_s?),
            over_time: Duration::from_secs(over_time_s?),
            polls: polls?,
            lost: Duration::from_secs(lost_s?),
            unfollowed: Duration::from_secs(unfollowed_s?),
            undone: Duration::from_secs(undone_s?),
            uploads_bucket: uploads_bucket?,
            regions: names(&regions?),
            jobs_max: jobs_max?,
            policy: policy?,
            notify: notify?,
        })
    }

    /// The limits that the rules of health take.
    pub(crate) fn health(&self) -> HealthLimits {
        HealthLimits {
            stall: delta(self.stall),
            no_metrics: delta(self.no_metrics),
            over_time: delta(self.over_time),
        }
    }

    /// `WATCH_LOST_S`.
    pub(crate) fn lost(&self) -> TimeDelta {
        delta(self.lost)
    }

    /// `WATCH_UNFOLLOWED_S`.
    pub(crate) fn unfollowed(&self) -> TimeDelta {
        delta(self.unfollowed)
    }

    /// `WATCH_UNDONE_S`.
    pub(crate) fn undone(&self) -> TimeDelta {
        delta(self.undone)
    }
}

fn delta(limit: Duration) -> TimeDelta {
    TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX)
}

/// The names in a list that is separated by commas.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
