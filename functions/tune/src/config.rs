//! What `tune` can be told from outside.

use std::time::Duration;

use shared::config::Reader;

/// Longest in seconds that a call given up by us may still take to reach the service.
const LATE_ARRIVAL_S: u64 = 25;
/// Longest in seconds until a created job shows in a list.
const LIST_LAG_S: u64 = 60;
/// Twice what two clocks may differ, in seconds.
const SKEW_S: u64 = 4;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Jobs that may run at a time; `TUNE_JOBS_MAX`, 1: the service's default quota.
    pub jobs_max: usize,
    /// When the call that creates a job is given up, in seconds; `TUNE_CREATE_TIMEOUT_S`, 30.
    pub create_timeout: Duration,
    /// How long after that nobody concludes that there is no job, in seconds; `TUNE_SETTLE_S`, 150.
    pub settle: Duration,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let jobs_max = read.or("TUNE_JOBS_MAX", 1);
        let create_timeout_s = read.or("TUNE_CREATE_TIMEOUT_S", 30);
        let settle_s = read.or("TUNE_SETTLE_S", 150);
        let least_s = LATE_ARRIVAL_S + LIST_LAG_S + SKEW_S;
        if settle_s.is_some_and(|settle_s| settle_s < least_s) {
            read.fault(format!(
                "TUNE_SETTLE_S is below {least_s}: a job could be bought twice"
            ));
        }
        Some(Self {
            jobs_max: jobs_max?,
            create_timeout: Duration::from_secs(create_timeout_s?),
            settle: Duration::from_secs(settle_s?),
        })
    }
}
