//! The job says it tunes, its losses can be read, and no step follows.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::{Observed, seconds},
};
use crate::quantity;

/// The finding, if there is one.
///
/// Time in a queue does not count: the clock starts at the last step or the last change of state. A
/// job whose losses cannot be read may well make steps: that is [`HealthCode::NoMetrics`].
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let step = observed.curve.last_step();
    let since = observed.last_step_at.max(observed.state_since);
    let elapsed = observed.elapsed(since);
    let stands = step <= observed.last_step && elapsed > observed.limits.stall;
    (observed.tunes() && stands).then(|| {
        let elapsed_words = quantity::span(elapsed);
        let cause = match step {
            Some(step) => format!("no step after step {step} for {elapsed_words}"),
            None => format!("no first step for {elapsed_words}"),
        };
        HealthFinding::new(
            HealthCode::Stalled,
            step,
            cause,
            &[
                (EvidenceName::ElapsedS, seconds(elapsed)),
                (EvidenceName::TypicalS, seconds(observed.limits.stall)),
            ],
        )
    })
}
