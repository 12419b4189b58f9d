//! The row says of itself that it is not to be trained on: its verdict is bad, or its weight is 0.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "not_for_training",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the row says that it is not to be trained on",
    fix: "nothing to do; to train on such rows anyway, set `severities = { not_for_training = \"note\" }`",
    check: Check::Read,
};
