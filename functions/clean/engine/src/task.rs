//! The task that the rows of a dataset train.

use serde::{Deserialize, Serialize};

/// The task that rows train.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Free text.
    #[default]
    Generation,
    /// A choice among a few labels.
    Classification,
}
