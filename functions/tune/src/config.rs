//! The settings of `tune`.

use std::time::Duration;

use shared::config::Reader;

/// Longest in seconds that a create call may take to reach the service after we timed out.
const LATE_ARRIVAL_S: u64 = 25;
/// Longest in seconds until a created job appears in a list.
const LIST_LAG_S: u64 = 60;
/// Twice the largest difference between two clocks, in seconds.
const SKEW_S: u64 = 4;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Jobs that may run at a time; `TUNE_JOBS_MAX`, 1: the service's default quota.
    pub jobs_max: usize,
    /// Time limit of the call that creates a job, in seconds; `TUNE_CREATE_TIMEOUT_S`, 30.
    pub create_timeout: Duration,
    /// How long after that limit a job missing from the list may still appear, in seconds;
    /// `TUNE_SETTLE_S`, 150. Only then does a list without the job prove that there is none.
    pub settle: Duration,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let jobs_max = read.or("TUNE_JOBS_MAX", 1);
        let create_timeout_s = read.or("TUNE_CREATE_TIMEOUT_S", 30);
        let settle_s = read.or("TUNE_SETTLE_S", 150);
        let least_s = LATE_ARRIVAL_S + LIST_LAG_S + SKEW_S;
        // With a shorter wait the list may still lack a job that exists, and a second one would be
        // created and paid for.
        if let Some(settle_s) = settle_s.filter(|settle_s| *settle_s < least_s) {
            read.fault(format!(
                "TUNE_SETTLE_S is {settle_s}: expected at least {least_s}, or a job could be bought twice"
            ));
        }
        Some(Self {
            jobs_max: jobs_max?,
            create_timeout: Duration::from_secs(create_timeout_s?),
            settle: Duration::from_secs(settle_s?),
        })
    }
}
