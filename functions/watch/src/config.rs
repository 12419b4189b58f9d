//! The settings of `watch`.

use std::time::Duration;

use shared::config::Reader;

use crate::notify::config::NotifyConfig;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long a job may tune without a new step before it counts as stalled, in seconds;
    /// `WATCH_STALL_S`, 3600. Healthy jobs step every few minutes.
    pub stall: Duration,
    /// Consecutive polls that must show the same fault before `run-unhealthy` is published in place of
    /// an alert; `WATCH_POLLS`, 5: an alert takes up to three minutes.
    pub polls: u32,
    /// Age of a version without a run from which `dataset-cleaned` is published again, in seconds;
    /// `WATCH_LOST_S`, 300.
    pub lost: Duration,
    /// The regions in which jobs are looked for; `TUNING_REGIONS`, separated by commas,
    /// `us-central1,europe-west4`: all in which Gemini is tuned.
    pub regions: Vec<String>,
    /// Jobs that may run at a time; `TUNE_JOBS_MAX`, 1. Must equal the setting of tune.
    pub jobs_max: usize,
    /// Whom to notify.
    pub notify: NotifyConfig,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let stall_s = read.or("WATCH_STALL_S", 3_600);
        let polls = read.or("WATCH_POLLS", 5);
        let lost_s = read.or("WATCH_LOST_S", 300);
        let regions = read.or("TUNING_REGIONS", "us-central1,europe-west4".to_owned());
        let jobs_max = read.or("TUNE_JOBS_MAX", 1);
        let notify = NotifyConfig::read(read);
        Some(Self {
            stall: Duration::from_secs(stall_s?),
            polls: polls?,
            lost: Duration::from_secs(lost_s?),
            regions: names(&regions?),
            jobs_max: jobs_max?,
            notify: notify?,
        })
    }
}

/// The names in a list that is separated by commas.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}
