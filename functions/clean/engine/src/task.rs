//! What the rows of a dataset teach.

use serde::{Deserialize, Serialize};

/// What rows teach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// To write.
    #[default]
    Generation,
    /// To choose among a few labels.
    Classification,
}
