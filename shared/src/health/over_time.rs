//! The job runs for longer than any is expected to.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::{Observed, seconds},
};
use crate::quantity;

/// The finding, if there is one: jobs have hung for 22 hours
/// (<https://github.com/GoogleCloudPlatform/generative-ai/issues/656>).
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let elapsed = observed.elapsed(observed.started_at);
    let limit = observed.limits.over_time;
    (!observed.state.is_final() && elapsed > limit).then(|| {
        HealthFinding::new(
            HealthCode::OverTime,
            observed.curve.last_step(),
            format!(
                "the job has run for {}, above {}",
                quantity::span(elapsed),
                quantity::span(limit)
            ),
            &[
                (EvidenceName::ElapsedS, seconds(elapsed)),
                (EvidenceName::TypicalS, seconds(limit)),
            ],
        )
    })
}
