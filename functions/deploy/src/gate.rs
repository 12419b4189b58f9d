//! Whether a tuned model may serve: its evaluation against the policy and against the model that serves now.
//!
//! The gate is monotone: a better evaluation never turns a promotion into a refusal.

use serde::{Deserialize, Serialize};

use shared::{
    recipe::Gate,
    route::{Evidence, Route},
};

/// What the gate reads of an evaluation's document. Function crates do not import each other, so these are its own few fields;
/// the rest of the document is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What the evaluation found.
    pub verdict: Verdict,
    /// The same in plain words, as the evaluation put it.
    pub reason: String,
    /// Roughly how many more rows would settle what is open, if anything is.
    #[serde(default)]
    pub more_rows_needed: Option<u64>,
    /// Digest of the rows asked.
    pub sample: String,
    /// How much less still counts as not worse, in points of the scale 0 to 1.
    pub margin: f64,
    /// Name of the metric that decided; absent if there was nothing to measure.
    #[serde(default)]
    pub primary: Option<String>,
    /// All metrics.
    #[serde(default)]
    pub metrics: Vec<Score>,
}

/// What the tuned model scored on one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Of the metric.
    pub name: String,
    /// Mean over the rows, 0 to 1.
    pub tuned_mean: f64,
}

impl Summary {
    /// What the tuned model scored on the metric that decided: kept with the route, for the next to be held against.
    pub fn evidence(&self) -> Option<Evidence> {
        let primary = self.primary.as_ref()?;
        let score = self.metrics.iter().find(|score| score.name == *primary)?;
        Some(Evidence {
            metric: score.name.clone(),
            sample: self.sample.clone(),
            tuned_mean: score.tuned_mean,
        })
    }
}

/// As the evaluation spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better than the base model.
    Better,
    /// Perhaps better, certainly not worse than the margin.
    NotWorse,
    /// Unsettled.
    CannotTell,
    /// Worse than the base model. Also what a verdict is that this version does not know.
    #[serde(other)]
    Worse,
}

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
pub fn decide(run: &str, summary: &Summary, policy: Gate, route: &Route) -> GateOutcome {
    if route
        .target
        .as_ref()
        .is_some_and(|target| target.run == run)
    {
        return keep("it serves already");
    }
    let found = &summary.reason;
    match (summary.verdict, policy) {
        (Verdict::Better, _) | (Verdict::NotWorse, Gate::NotWorse) => {}
        (Verdict::NotWorse, Gate::Better) => {
            return keep(&match summary.more_rows_needed {
                Some(more) => format!(
                    "the gate requires better, and it is only not worse; about {more} more rows may prove it better ({found})"
                ),
                None => format!("the gate requires better, and it is only not worse ({found})"),
            });
        }
        (Verdict::CannotTell, _) => {
            return keep(&match summary.more_rows_needed {
                Some(more) => {
                    format!("inconclusive; about {more} more rows may decide ({found})")
                }
                None => format!("inconclusive ({found})"),
            });
        }
        (Verdict::Worse, _) => return keep(&format!("it is worse ({found})")),
    }
    match against_incumbent(summary, route) {
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
fn against_incumbent(challenger: &Summary, route: &Route) -> Incumbent {
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
