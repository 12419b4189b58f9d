//! The job stays in a state for longer than is typical.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::{Observed, seconds},
    typical_time::typical_time,
};
use crate::quantity;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let (word, typical) = typical_time(observed.state, observed.phase)?;
    let elapsed = observed.elapsed(observed.state_since);
    (elapsed > typical).then(|| {
        HealthFinding::new(
            HealthCode::Stuck,
            None,
            format!(
                "{word} for {}; up to {} is typical",
                quantity::span(elapsed),
                quantity::span(typical)
            ),
            &[
                (EvidenceName::ElapsedS, seconds(elapsed)),
                (EvidenceName::TypicalS, seconds(typical)),
            ],
        )
    })
}
