//! A loss has lastingly stopped being a number.
//!
//! One NaN among finite values is an overflow of one step, which trainers skip (loss scaling does so
//! by design: Micikevicius et al., "Mixed Precision Training", 2018,
//! <https://arxiv.org/abs/1710.03740>). A model whose weights are lost never gives a number again.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series,
};
use crate::curve::{self, Point};

/// Newest training points, all of which must not be numbers.
const POINTS: usize = 5;
/// Newest evaluations, all of which must not be numbers.
const EVALUATIONS: usize = 3;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let of_series = |name: &str, points: &[Point], needed: usize| {
        let since = curve::lost_since(points)?;
        let count = points.iter().filter(|point| point.step >= since).count();
        (count >= needed).then(|| {
            HealthFinding::new(
                HealthCode::NotANumber,
                Some(since),
                format!("the {name} loss has not been a number since step {since}"),
                &[(EvidenceName::Points, series::real(count))],
            )
        })
    };
    of_series("training", &observed.curve.train, POINTS)
        .or_else(|| of_series("evaluation", &observed.curve.eval, EVALUATIONS))
}
