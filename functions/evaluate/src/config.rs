//! The settings of `evaluate`.

use std::time::Duration;

use shared::config::Reader;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the answers are kept; `EVALUATIONS_BUCKET`.
    pub evaluations_bucket: String,
    /// Prompts that are asked concurrently; `EVALUATE_CONCURRENCY`, 4: the tuned model shares the
    /// quota of its base.
    pub concurrency: usize,
    /// Time limit of one answer, in seconds; `EVALUATE_TIMEOUT_S`, 60.
    pub timeout: Duration,
    /// Most tokens of an answer; `EVALUATE_OUTPUT_TOKENS_MAX`, 2048.
    pub output_tokens_max: u32,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let evaluations_bucket = read.required("EVALUATIONS_BUCKET");
        let concurrency = read.or("EVALUATE_CONCURRENCY", 4);
        let timeout_s = read.or("EVALUATE_TIMEOUT_S", 60);
        let output_tokens_max = read.or("EVALUATE_OUTPUT_TOKENS_MAX", 2_048);
        Some(Self {
            evaluations_bucket: evaluations_bucket?,
            concurrency: concurrency?,
            timeout: Duration::from_secs(timeout_s?),
            output_tokens_max: output_tokens_max?,
        })
    }
}
