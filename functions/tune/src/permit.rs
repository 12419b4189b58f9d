//! Whether a run may be bought now: the policy, the price and the approval, examined again when its turn
//! has come, since each may have changed after the plan.

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    policy::StoredPolicy,
    price::Prices,
    recipe::{Recipe, Tune},
    run::{Run, WITHIN_BUDGET},
    waits::WaitCode,
};

use crate::{
    outlook::{PlanVerdict, STOPPED, outlook},
    plan::approve_within_budget,
    plan_input::PlanInput,
};

/// Whether a run may be bought now.
#[derive(Debug, Clone, PartialEq)]
pub enum Permit {
    /// It may, as it is here: with the price and the policy of now.
    Buy(Box<Run>),
    /// It may not, until a person changes what the code says.
    Wait {
        /// What it waits for.
        code: WaitCode,
        /// In plain words.
        reason: String,
    },
    /// A person must approve it, as it is here.
    Ask {
        /// The run, with the price and the policy of now.
        run: Box<Run>,
        /// Why, in plain words.
        reason: String,
    },
}

/// Examines `run` of `version`.
pub fn permit(
    run: &Run,
    version: &Version,
    policy: &StoredPolicy,
    prices: &Prices,
    now: DateTime<Utc>,
) -> Permit {
    // By its own plan: another version of this code may have other defaults.
    let recipe = planned(version, run);
    let input = PlanInput {
        recipe: &recipe,
        ..PlanInput::of(version)
    };
    // What may run anywhere runs where it was planned, whatever the project's region is now.
    let region = &run.plan.region;
    let outlook = outlook(&input, &policy.policy, region, prices, now.date_naive());
    let spend = &policy.policy.spend;
    if spend.stopped {
        return wait(WaitCode::Stopped, STOPPED);
    }
    if outlook.plan.region != *region {
        let (planned, now) = (region, &outlook.plan.region);
        let reason = format!(
            "waits: it was planned for {planned}, and the policy now keeps its rows in {now}: upload them \
             again to a dataset of that policy, or change the policy"
        );
        return wait(WaitCode::Policy, &reason);
    }
    let Some(estimate) = outlook.estimate else {
        return wait(WaitCode::Price, &format!("waits: {}", outlook.reason));
    };
    let mut examined = run.clone();
    examined.estimate = estimate;
    examined.budget_usd = outlook.approve_above.dollars();
    examined.policy_generation = Some(policy.generation);
    examined.location = outlook.rules.location;
    let approved = approved_by_a_person(&examined);
    match outlook.verdict {
        PlanVerdict::Fails => wait(WaitCode::Policy, &format!("waits: {}", outlook.reason)),
        PlanVerdict::Waits(code) => wait(code, &outlook.reason),
        PlanVerdict::AwaitsApproval | PlanVerdict::Runs if approved => {
            Permit::Buy(Box::new(examined))
        }
        PlanVerdict::AwaitsApproval => ask(examined, &outlook.reason),
        PlanVerdict::Runs => match examined.bought_before.clone() {
            Some(other) => ask(examined, &bought_before(other.as_str(), "were bought")),
            None => {
                approve_within_budget(&mut examined, now);
                Permit::Buy(Box::new(examined))
            }
        },
    }
}

/// The recipe of `version`, as the plan of `run` has completed it.
fn planned(version: &Version, run: &Run) -> Recipe {
    let mut recipe = version.recipe.clone();
    let plan = &run.plan;
    recipe.tune = Tune {
        base_model: plan.base_model.clone(),
        epochs: Some(plan.epochs),
        learning_rate_multiplier: Some(plan.learning_rate_multiplier),
        adapter_size: Some(plan.adapter_size),
        ..recipe.tune
    };
    recipe
}

/// Why a run that buys what another run planned awaits approval.
pub(crate) fn bought_before(other: &str, how: &str) -> String {
    format!("the same data and plan {how} as run {other}: approve it to buy them again")
}

/// Whether a person approved `run` exactly as it is.
fn approved_by_a_person(run: &Run) -> bool {
    let approval = run.approval.as_ref();
    approval.is_some_and(|it| it.by != WITHIN_BUDGET && it.digest == run.approval_digest())
}

fn wait(code: WaitCode, reason: &str) -> Permit {
    Permit::Wait {
        code,
        reason: reason.to_owned(),
    }
}

fn ask(run: Run, reason: &str) -> Permit {
    let was_approved = run
        .approval
        .as_ref()
        .is_some_and(|it| it.by != WITHIN_BUDGET);
    let reason = if was_approved {
        format!(
            "its price or what the policy says about it has changed since it was planned: {reason}"
        )
    } else {
        reason.to_owned()
    };
    Permit::Ask {
        run: Box::new(run),
        reason,
    }
}

#[cfg(test)]
mod tests;
