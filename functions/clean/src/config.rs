//! What `clean` can be told from outside.

use std::num::NonZero;

use shared::{config::Reader, id::VersionId};

use crate::cleaning::{CLEANING_VARIABLE, ROUND_VARIABLE};

/// Largest upload that is cleaned where it is heard of: one vCPU cleans some 50 MB/s at its worst
/// and may need three passes, so that 2 GiB take about two minutes of the ten that a push has.
const JOB_ABOVE_BYTES: u64 = 2 << 30;

/// Bytes that one task judges: some twenty seconds, many times what it takes to start it.
const TASK_BYTES: NonZero<u64> = NonZero::<u64>::MIN.saturating_add((1 << 30) - 1);

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where versions go; `DATASETS_BUCKET`.
    pub datasets_bucket: String,
    /// The job that cleans large uploads, by its resource name; `CLEAN_JOB`.
    pub job: String,
    /// Bytes above which an upload is left to the job; `CLEAN_JOB_ABOVE_BYTES`, default 2 GiB.
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

/// What Cloud Run and [`Cleaning::start`](crate::cleaning::Cleaning::start) tell a task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// The version to be made; `CLEANING`.
    pub(crate) cleaning: VersionId,
    /// How often rows were judged before; `ROUND`.
    pub(crate) round: u32,
    /// Which of the tasks it is, from 0; `CLOUD_RUN_TASK_INDEX`.
    pub(crate) index: u32,
}

impl Task {
    /// Reads the settings of the function, and those of the task.
    pub(crate) fn read(read: &mut Reader<'_>) -> Option<(Config, Self)> {
        let config = Config::read(read);
        let cleaning = read.required(CLEANING_VARIABLE);
        let round = read.or(ROUND_VARIABLE, 0);
        let index = read.required("CLOUD_RUN_TASK_INDEX");
        let task = Self {
            cleaning: cleaning?,
            round: round?,
            index: index?,
        };
        Some((config?, task))
    }
}
