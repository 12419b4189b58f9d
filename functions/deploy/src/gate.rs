//! Whether a tuned model may serve: its evaluation against the policy and against the model that serves now.
//!
//! The gate is monotone: a better evaluation never turns a promotion into a refusal.

use serde::{Deserialize, Serialize};

use shared::{
    evaluation::{Evaluation, Verdict},
    recipe::Gate,
    route::Route,
};

/// What the gate decides, with the reason in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GateOutcome {
    /// Move the route to the tuned model.
    Promote {
        /// For people.
        reason: String,
    },
    /// Leave the route as it is.
    Keep {
        /// For people.
        reason: String,
    },
}

/// Decides about the tuned model of `run`. `route` is the route as it was read: the decision is bound to its version, and a
/// delivery that loses the compare-and-set on it decides again.
pub fn decide(run: &str, evaluation: &Evaluation, policy: Gate, route: &Route) -> GateOutcome {
    if route
        .target
        .as_ref()
        .is_some_and(|target| target.run == run)
    {
        return keep("it serves already");
    }
    let found = &evaluation.reason;
    match (&evaluation.verdict, policy) {
        (Verdict::Better, _) | (Verdict::NotWorse, Gate::NotWorse) => {}
        (Verdict::NotWorse, Gate::Better) => {
            return keep(&match evaluation.more_rows_needed {
                Some(more) => format!(
                    "the gate requires better, and it is only not worse; about {more} more rows may prove it better ({found})"
                ),
                None => format!("the gate requires better, and it is only not worse ({found})"),
            });
        }
        (Verdict::CannotTell, _) => {
            return keep(&match evaluation.more_rows_needed {
                Some(more) => {
                    format!("inconclusive; about {more} more rows may decide ({found})")
                }
                None => format!("inconclusive ({found})"),
            });
        }
        (Verdict::Undecided, _) => return keep(found),
        (Verdict::Worse, _) => return keep(&format!("it is worse ({found})")),
        (Verdict::Other(name), _) => {
            return keep(&format!("its verdict `{name}` is unknown ({found})"));
        }
    }
    match against_incumbent(evaluation, route) {
        Incumbent::Ahead { theirs, ours } => keep(&format!(
            "it beats the base model, but scored {ours:.3} where the model that serves now scored {theirs:.3} on the same rows"
        )),
        Incumbent::NotAhead => promote(found),
        Incumbent::Incomparable => promote(&format!(
            "{found}; not compared with the model that serves now, which was evaluated on other rows"
        )),
    }
}

fn promote(reason: &str) -> GateOutcome {
    GateOutcome::Promote {
        reason: format!("promoted: {reason}"),
    }
}

fn keep(reason: &str) -> GateOutcome {
    GateOutcome::Keep {
        reason: format!("kept: {reason}"),
    }
}

/// How the tuned model that serves now compares with the one that would replace it.
enum Incumbent {
    /// It scored higher, by more than the margin.
    Ahead { theirs: f64, ours: f64 },
    /// It did not, or the base model serves, with which the evaluation has compared already.
    NotAhead,
    /// Evaluated by another metric or on other rows, or not at all.
    Incomparable,
}

/// An evaluation compares with the base model only. A second tuned model that beats the base model may still be worse than the
/// first.
fn against_incumbent(challenger: &Evaluation, route: &Route) -> Incumbent {
    let Some(incumbent) = &route.target else {
        return Incumbent::NotAhead;
    };
    match (&incumbent.evidence, challenger.evidence()) {
        (Some(theirs), Some(ours))
            if theirs.metric == ours.metric && theirs.sample == ours.sample =>
        {
            if theirs.tuned_mean - ours.tuned_mean > challenger.margin {
                Incumbent::Ahead {
                    theirs: theirs.tuned_mean,
                    ours: ours.tuned_mean,
                }
            } else {
                Incumbent::NotAhead
            }
        }
        (Some(_) | None, Some(_) | None) => Incumbent::Incomparable,
    }
}

#[cfg(test)]
mod tests;
