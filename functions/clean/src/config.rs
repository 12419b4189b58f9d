//! The settings of `clean`.

use std::num::NonZero;

use shared::{config::Reader, uri::GcsUri};

/// Largest upload that is cleaned within a delivery: even at 20 MB/s, far below the speed of a core,
/// and in three passes, 2 GiB take less than six of the ten minutes that a push may take.
const JOB_ABOVE_BYTES: u64 = 2 << 30;

/// Bytes that one task processes: under a minute even at 20 MB/s, and many times the start-up time.
const TASK_BYTES: NonZero<u64> = NonZero::<u64>::MIN.saturating_add((1 << 30) - 1);

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bucket of versions; `DATASETS_BUCKET`.
    pub datasets_bucket: String,
    /// The operator's policy, which says where rows stay; `POLICY_URI`.
    pub policy: GcsUri,
    /// The resource name of the job that cleans large uploads; `CLEAN_JOB`.
    pub job: String,
    /// Size in bytes above which an upload is left to the job; a sixteenth of it if it may be compressed;
    /// `CLEAN_JOB_ABOVE_BYTES`, default 2 GiB.
    pub job_above_bytes: u64,
    /// Bytes that one task of the job processes; `CLEAN_TASK_BYTES`, default 1 GiB.
    pub task_bytes: NonZero<u64>,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let datasets_bucket = read.required("DATASETS_BUCKET");
        let policy = read.required("POLICY_URI");
        let job = read.required("CLEAN_JOB");
        let job_above_bytes = read.or("CLEAN_JOB_ABOVE_BYTES", JOB_ABOVE_BYTES);
        let task_bytes = read.or("CLEAN_TASK_BYTES", TASK_BYTES);
        Some(Self {
            datasets_bucket: datasets_bucket?,
            policy: policy?,
            job: job?,
            job_above_bytes: job_above_bytes?,
            task_bytes: task_bytes?,
        })
    }
}
