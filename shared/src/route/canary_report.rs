//! How the callers of a canary fared: counts for each caller, written by the instances of `predict` that answered
//! them and read by `deploy`. A caller is a digest; no prompt and no answer is in it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::google::documents::Document;

/// Most callers of one report: with its names of fields a caller takes some 200 bytes, and Firestore's limit for
/// a document is 1 MiB.
pub const REPORT_CALLERS_MAX: usize = 2_000;

/// What one instance has seen: document `canary_reports/{canary}-{instance}-{part}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryReport {
    /// The canary: [`super::Canary::id`].
    pub canary_id: String,
    /// Its callers, in the order of their first answers.
    pub callers: Vec<CallerOutcomes>,
    /// When it may be deleted.
    pub expire_at: DateTime<Utc>,
}

impl Document for CanaryReport {
    const COLLECTION: &'static str = "canary_reports";
}

/// The answers that one caller got in its window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallerOutcomes {
    /// Digest of the caller and the canary.
    pub caller: String,
    /// Whether the canary answered.
    pub is_canary: bool,
    /// The step at which the caller was first answered: callers of one step have the same chance of a seat.
    pub step: usize,
    /// When that was.
    pub first_at: DateTime<Utc>,
    /// Answers in all.
    pub answers: u32,
    /// Blank, blocked, cut, broken, repetitive, of the wrong format, or otherwise below the confidence that is served.
    pub bad: u32,
    /// Asked of the model in vain: another one answered, or none.
    pub failed: u32,
    /// Slower than the plan allows.
    pub slow: u32,
    /// How the canary answered the same questions in the shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowCounts>,
}

/// Answers of a canary that no caller saw, to the questions that another model answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShadowCounts {
    /// As [`CallerOutcomes::bad`].
    pub bad: u32,
    /// As [`CallerOutcomes::failed`].
    pub failed: u32,
    /// As [`CallerOutcomes::slow`].
    pub slow: u32,
}

impl CallerOutcomes {
    /// The share of its answers that `count` is, from 0 to 1.
    pub fn share(&self, count: u32) -> f64 {
        f64::from(count.min(self.answers)) / f64::from(self.answers.max(1))
    }
}
