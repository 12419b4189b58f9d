//! Whether a tuned model may serve: its evaluation against the policy and against the model that serves now.
//!
//! The gate is monotone: a better evaluation never turns a promotion into a refusal.

use serde::{Deserialize, Serialize};

use shared::{
    evaluation::{Evaluation, Verdict},
    recipe::Gate,
    route::{Route, Target},
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
    /// Another model serves than the one that it was compared with: compare them first.
    Compare,
}

/// Which of two runs is newer: an older one never replaces a newer one without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The candidate is newer, or no other model serves.
    Newer,
    /// The model that serves is newer.
    Older,
}

/// Decides about the tuned model of `run`. `route` is the route as it was read: the decision is bound to its
/// version.
///
/// The candidate must pass against the model that serves, and then against the base model: where the first
/// test fails the second is not looked at, so neither needs a correction.
pub fn decide(
    run: &str,
    evaluation: &Evaluation,
    policy: Gate,
    route: &Route,
    age: Age,
) -> GateOutcome {
    if let Some(hold) = &route.hold {
        return keep(&format!(
            "{} holds the route since {}: {}",
            hold.by, hold.since, hold.reason
        ));
    }
    let canary = route.canary.as_ref();
    if canary.is_some_and(|canary| canary.target.run == run) {
        return keep("it answers some of the callers already");
    }
    let serves = |target: &Target| target.run == run;
    if route.target.as_ref().is_some_and(serves) {
        return keep("it serves already");
    }
    if age == Age::Older {
        return keep("a model of a newer run serves");
    }
    if let Some(target) = &route.target {
        let serving = evaluation.serving.as_ref();
        let Some(serving) = serving.filter(|it| it.endpoint == target.endpoint) else {
            return GateOutcome::Compare;
        };
        let policy = against(policy, target);
        if let Err(refusal) = passes(&serving.verdict, policy, &serving.reason, None) {
            return keep(&refusal);
        }
    }
    let (found, more) = (&evaluation.reason, evaluation.more_rows_needed);
    match passes(&evaluation.verdict, policy, found, more) {
        Ok(()) => promote(found),
        Err(refusal) => keep(&refusal),
    }
}

/// What the candidate must prove against the model that serves. Where that model itself was only not worse, the
/// next one must be better: models that are each a little worse than the last would end far below the first.
fn against(policy: Gate, serving: &Target) -> Gate {
    let evidence = serving.evidence.as_ref();
    let verdict = evidence.and_then(|evidence| evidence.verdict.as_deref());
    if verdict == Some(Verdict::NotWorse.as_str()) {
        return Gate::Better;
    }
    policy
}

/// Whether a verdict is enough; if not, why.
fn passes(
    verdict: &Verdict,
    policy: Gate,
    found: &str,
    more_rows: Option<u64>,
) -> Result<(), String> {
    Err(match (verdict, policy) {
        (Verdict::Better, _) | (Verdict::NotWorse, Gate::NotWorse) => return Ok(()),
        (Verdict::NotWorse, Gate::Better) => match more_rows {
            Some(more) => format!(
                "the gate requires better, and it is only not worse; about {more} more rows may prove it better ({found})"
            ),
            None => format!("the gate requires better, and it is only not worse ({found})"),
        },
        (Verdict::CannotTell, _) => match more_rows {
            Some(more) => format!("cannot tell; about {more} more rows may decide ({found})"),
            None => format!("cannot tell ({found})"),
        },
        (Verdict::RuledOut | Verdict::Undecided, _) => found.to_owned(),
        (Verdict::Worse, _) => format!("it is worse ({found})"),
        (Verdict::Other(name), _) => format!("its verdict `{name}` is unknown ({found})"),
    })
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

#[cfg(test)]
mod tests;
