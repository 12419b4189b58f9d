//! What `clean` can be told from outside.

use std::num::NonZero;

use shared::config::Reader;

/// Largest upload that is cleaned where it is heard of: even at 20 MB/s, far below what a core does,
/// and in three passes, 2 GiB take under six of the ten minutes that a push has.
const JOB_ABOVE_BYTES: u64 = 2 << 30;

/// Bytes that one task judges: under a minute even at 20 MB/s, and many times what starting it takes.
const TASK_BYTES: NonZero<u64> = NonZero::<u64>::MIN.saturating_add((1 << 30) - 1);

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where versions go; `DATASETS_BUCKET`.
    pub datasets_bucket: String,
    /// The job that cleans large uploads, by its resource name; `CLEAN_JOB`.
    pub job: String,
    /// Bytes above which an upload is left to the job, a sixteenth of them where it may be packed;
    /// `CLEAN_JOB_ABOVE_BYTES`, default 2 GiB.
    pub job_above_bytes: u64,
    /// Bytes that one of its tasks judges; `CLEAN_TASK_BYTES`, default 1 GiB.
    pub task_bytes: NonZero<u64>,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let datasets_bucket = read.required("DATASETS_BUCKET");
        let job = read.required("CLEAN_JOB");
        let job_above_bytes = read.or("CLEAN_JOB_ABOVE_BYTES", JOB_ABOVE_BYTES);
        let task_bytes = read.or("CLEAN_TASK_BYTES", TASK_BYTES);
        Some(Self {
            datasets_bucket: datasets_bucket?,
            job: job?,
            job_above_bytes: job_above_bytes?,
            task_bytes: task_bytes?,
        })
    }
}
