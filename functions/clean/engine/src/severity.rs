//! What a finding does to its row.

use serde::{Deserialize, Serialize};

/// What a finding does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row is left out.
    Reject,
    /// The row is kept, but should be reviewed.
    Warn,
    /// The row is kept, changed.
    Repair,
    /// The row is kept as it is.
    Note,
    /// The rule is not checked.
    Off,
}

impl Severity {
    /// Every severity of a finding, the most severe first.
    pub(crate) const ALL: [Self; 4] = [Self::Reject, Self::Warn, Self::Repair, Self::Note];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Warn => "warn",
            Self::Repair => "repair",
            Self::Note => "note",
            Self::Off => "off",
        }
    }
}
