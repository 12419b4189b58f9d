//! What is wrong with a tuning job: one rule for each fault, each in a file of its own.
//!
//! The rules are pure. `watch` applies them at every tick, and `early-stop` again before it acts: an
//! alert is a hint, the losses are the truth. Losses that could not be read now are not evidence, and
//! before a job has made a checkpoint only a lost model ends it: [`HealthCode::stops`].
//!
//! Losses are noisy, and a run is examined some hundred times, so every rule on losses compares with
//! the noise that the losses themselves show. `shared/src/health/corpus.rs` makes healthy and faulty
//! losses with known noise; its tests hold that at most 1 % of the healthy ones are stopped at any
//! tick, and that at least 95 % of the faulty ones are found. `cargo run --release -p shared
//! --example health-corpus` prints the whole table.

mod diverged;
mod finding;
mod no_metrics;
mod not_a_number;
mod observed;
mod oscillating;
mod over_budget;
mod over_time;
mod overfit;
mod plateau;
mod rule;
mod series;
mod stalled;
mod stuck;
mod typical_time;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;

use self::rule::HealthRule;
pub use self::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::{HealthLimits, Observed, Spending},
};
use crate::curve::CurveState;
// The corpus takes these from its parent, which is the example elsewhere.
#[cfg(test)]
use crate::{
    curve::{Curve, Point},
    job_state::{JobPhase, JobState},
};

const fn rule(code: HealthCode, examine: fn(&Observed<'_>) -> Option<HealthFinding>) -> HealthRule {
    HealthRule { code, examine }
}

/// Every rule, the gravest first, in the order of [`HealthCode`]: the first finding is the one that a
/// list of runs shows.
const RULES: [HealthRule; 10] = [
    rule(HealthCode::NotANumber, not_a_number::examine),
    rule(HealthCode::Diverged, diverged::examine),
    rule(HealthCode::Overfit, overfit::examine),
    rule(HealthCode::Plateau, plateau::examine),
    rule(HealthCode::Stalled, stalled::examine),
    rule(HealthCode::OverBudget, over_budget::examine),
    rule(HealthCode::Stuck, stuck::examine),
    rule(HealthCode::OverTime, over_time::examine),
    rule(HealthCode::NoMetrics, no_metrics::examine),
    rule(HealthCode::Oscillating, oscillating::examine),
];

/// All that is wrong with a job, the gravest first.
///
/// Where the losses could not be read now, the rules on losses are not applied.
pub fn examine(observed: &Observed<'_>) -> Vec<HealthFinding> {
    let is_fresh = observed.curve_state == CurveState::Fresh;
    RULES
        .iter()
        .filter(|rule| is_fresh || !rule.code.is_of_curve())
        .filter_map(|rule| (rule.examine)(observed))
        .map(|finding| HealthFinding {
            stops: finding.code.stops(observed.has_checkpoint),
            ..finding
        })
        .collect()
}
