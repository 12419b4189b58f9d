//! From a version, its recipe and the policy to a priced run.

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    id::RunId,
    policy::StoredPolicy,
    price::Prices,
    run::{Approval, Estimate, Run, State, TuningPlan, WITHIN_BUDGET},
};

use crate::{
    outlook::{Outlook, PlanVerdict, outlook},
    plan_input::PlanInput,
};

/// Plans the run of `version`: queued within its budget, awaiting approval above it, failed where the
/// recipe cannot be carried out. What the policy holds back is queued too, and examined again when its
/// turn comes. `region` is the project's own.
pub fn plan(
    version: &Version,
    policy: &StoredPolicy,
    region: &str,
    prices: &Prices,
    now: DateTime<Utc>,
) -> Run {
    let input = PlanInput::of(version);
    let outlook = outlook(&input, &policy.policy, region, prices, now.date_naive());
    let state = match outlook.verdict {
        PlanVerdict::Runs | PlanVerdict::Waits(_) => State::Queued,
        PlanVerdict::AwaitsApproval => State::AwaitingApproval,
        PlanVerdict::Fails => State::Failed,
    };
    let mut run = of_outlook(version, policy.generation, outlook, state, now);
    // A run that only the policy holds back may still cost more than its budget: examined again, it
    // asks a person then.
    if run.state == State::Queued {
        approve_within_budget(&mut run, now);
    }
    if run.state.is_final() {
        run.finished_at = Some(now);
    }
    run.note("tune", run.reason.clone(), now);
    run
}

/// Approves `run` as it is, without a person.
pub(crate) fn approve_within_budget(run: &mut Run, now: DateTime<Utc>) {
    run.approval = Some(Approval {
        by: WITHIN_BUDGET.to_owned(),
        at: now,
        why: String::new(),
        digest: run.approval_digest(),
    });
}

fn of_outlook(
    version: &Version,
    policy_generation: i64,
    outlook: Outlook,
    state: State,
    now: DateTime<Utc>,
) -> Run {
    let Outlook {
        plan,
        model,
        rules,
        estimate,
        approve_above,
        reason,
        warnings,
        defaults,
        verdict: _,
    } = outlook;
    Run {
        id: id(version, &plan),
        dataset: version.dataset.clone(),
        version: version.id.clone(),
        model,
        plan,
        estimate: estimate.unwrap_or_else(Estimate::unknown),
        budget_usd: approve_above.dollars(),
        location: rules.location,
        policy_generation: Some(policy_generation),
        uploader: version.uploader.clone(),
        warnings,
        defaults,
        state,
        reason,
        attempt: 1,
        waits: None,
        bought_before: None,
        retunes: None,
        reservation: None,
        unknown_creates: 0,
        approval: None,
        armed: None,
        job: None,
        last_step: None,
        last_step_at: None,
        finding: None,
        findings: Vec::new(),
        curve: None,
        finding_polls: 0,
        job_missing_ticks: 0,
        stop: None,
        withdrawal: None,
        reported: None,
        chosen: None,
        finish_published: false,
        created_at: now,
        updated_at: now,
        finished_at: None,
        history: Vec::new(),
    }
}

/// The id of a run: derived from version and plan, so that a redelivery plans the same run.
fn id(version: &Version, plan: &TuningPlan) -> RunId {
    RunId::derive(&version.id, &plan.parts().each_ref().map(String::as_str))
}

#[cfg(test)]
pub(crate) mod tests;
