//! The shape of a rule.

use super::{
    finding::{HealthCode, HealthFinding},
    observed::Observed,
};

/// One rule: pure, and applied at every tick by `watch` and again by `early-stop` before it acts.
#[derive(Debug, Clone, Copy)]
pub(super) struct HealthRule {
    /// What it finds.
    pub(super) code: HealthCode,
    /// The finding, if there is one.
    pub(super) examine: fn(&Observed<'_>) -> Option<HealthFinding>,
}
