//! The settings of `tune`.

use std::time::Duration;

use shared::{config::Reader, google::rest::TOKEN_MAX, uri::GcsUri};

/// Longest that a create call may take to reach the service after we timed out.
const LATE_ARRIVAL: Duration = Duration::from_secs(25);
/// Longest until a created job appears in a list.
const LIST_LAG: Duration = Duration::from_mins(1);
/// Twice the largest difference between two clocks.
const SKEW: Duration = Duration::from_secs(4);
/// Longest time limit of a create call. A delivery must end within its acknowledgement deadline of ten
/// minutes, with the reads and writes around the call.
const CREATE_TIMEOUT_MAX_S: u64 = 120;

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
    /// The operator's policy; `POLICY_URI`.
    pub policy: GcsUri,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let jobs_max = read.or("TUNE_JOBS_MAX", 1);
        let create_timeout_s = read.or("TUNE_CREATE_TIMEOUT_S", 30);
        let settle_s = read.or("TUNE_SETTLE_S", 150);
        let policy = read.required("POLICY_URI");
        let create_timeout_s = create_timeout_s?;
        if !(1..=CREATE_TIMEOUT_MAX_S).contains(&create_timeout_s) {
            read.fault(format!(
                "TUNE_CREATE_TIMEOUT_S is {create_timeout_s}: expected 1 to {CREATE_TIMEOUT_MAX_S}"
            ));
        }
        let create_timeout = Duration::from_secs(create_timeout_s);
        // In whole seconds, rounded up.
        let least_s = settle_min(create_timeout).as_millis().div_ceil(1_000);
        // With a shorter wait the list may still lack a job that exists, and a second one would be
        // created and paid for.
        if let Some(settle_s) = settle_s.filter(|settle_s: &u64| u128::from(*settle_s) < least_s) {
            read.fault(format!(
                "TUNE_SETTLE_S is {settle_s}: expected at least {least_s} where TUNE_CREATE_TIMEOUT_S is \
                 {create_timeout_s}, or a job could be bought twice"
            ));
        }
        Some(Self {
            jobs_max: jobs_max?,
            create_timeout,
            settle: Duration::from_secs(settle_s?),
            policy: policy?,
        })
    }
}

/// Longest from the written intent to the call: later, the call is not made.
pub(crate) fn arming_max(create_timeout: Duration) -> Duration {
    create_timeout / 2
}

/// The shortest settle time, which counts from the intent's deadline, `create_timeout` after it was
/// written. All that may lie between the intent and the moment at which every list has the job, in one
/// inequality:
///
/// arming + token + create call + late arrival + lag of lists + skew ≤ create call + settle
fn settle_min(create_timeout: Duration) -> Duration {
    arming_max(create_timeout) + TOKEN_MAX + LATE_ARRIVAL + LIST_LAG + SKEW
}

#[cfg(test)]
mod tests {
    use shared::config::Vars;

    use super::*;

    #[track_caller]
    fn check(settings: &[(&str, &str)], expected: Option<&str>) {
        let settings = settings
            .iter()
            .chain(&[("POLICY_URI", "gs://p/policy.toml")]);
        let vars: Vars = settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut read = Reader::new(&vars);
        let config = Config::read(&mut read);
        let fault = read.finish(|| config).err().map(|fault| fault.to_string());
        match (&fault, expected) {
            (None, None) => {}
            (Some(fault), Some(expected)) => assert!(fault.contains(expected), "{fault}"),
            (None, Some(_)) | (Some(_), None) => panic!("{vars:?}: {fault:?}"),
        }
    }

    #[test]
    fn the_times_must_leave_no_moment_in_which_a_second_job_could_be_bought() {
        check(&[], None);
        check(&[("TUNE_SETTLE_S", "114")], None);
        let least = "at least 114";
        check(&[("TUNE_SETTLE_S", "113")], Some(least));
        // A longer call needs a longer wait.
        check(&[("TUNE_CREATE_TIMEOUT_S", "120")], Some("at least 159"));
        check(
            &[("TUNE_CREATE_TIMEOUT_S", "600")],
            Some("expected 1 to 120"),
        );
        check(&[("TUNE_CREATE_TIMEOUT_S", "0")], Some("expected 1 to 120"));
    }
}
