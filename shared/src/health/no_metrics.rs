//! The job tunes, and there is nothing to read of it.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::{Observed, seconds},
};
use crate::{curve::CurveState, quantity};

/// The finding, if there is one.
///
/// The experiment of a job appears minutes after the job, so a while without metrics is normal. A
/// longer one is for a person: it is never evidence about the job.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let words = match observed.curve_state {
        CurveState::None => "has no metrics",
        CurveState::Unread => "has metrics that cannot be read",
        CurveState::Fresh if observed.curve.last_step().is_none() => "has metrics without a point",
        CurveState::Fresh => return None,
    };
    let since = match observed.curve_state {
        CurveState::Fresh => observed.state_since,
        CurveState::None | CurveState::Unread => observed.state_since.max(observed.curve_since),
    };
    let elapsed = observed.elapsed(since);
    (observed.tunes() && elapsed > observed.limits.no_metrics).then(|| {
        HealthFinding::new(
            HealthCode::NoMetrics,
            None,
            format!("the job {words} for {}", quantity::span(elapsed)),
            &[
                (EvidenceName::ElapsedS, seconds(elapsed)),
                (EvidenceName::TypicalS, seconds(observed.limits.no_metrics)),
            ],
        )
    })
}
