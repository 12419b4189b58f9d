//! The job costs more than it may.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
};
use crate::quantity;

/// The finding, if there is one. The numbers are the caller's: prices are none of a rule's business.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let spending = observed.spending?;
    (spending.spent_usd > spending.limit_usd).then(|| {
        HealthFinding::new(
            HealthCode::OverBudget,
            observed.curve.last_step(),
            format!(
                "the job costs {}, above {}",
                quantity::usd(spending.spent_usd),
                quantity::usd(spending.limit_usd)
            ),
            &[
                (EvidenceName::SpentUsd, spending.spent_usd),
                (EvidenceName::LimitUsd, spending.limit_usd),
            ],
        )
    })
}
