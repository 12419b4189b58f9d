//! A checkpoint: what a run chooses among, and what a curve judges.

use serde::{Deserialize, Serialize};

/// A tuned model as it was at some step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The provider's id.
    pub id: String,
    /// Epochs it has seen.
    pub epoch: u64,
    /// Steps it has seen.
    pub step: u64,
    /// Where it answers.
    #[serde(default)]
    pub endpoint: Option<String>,
}
