//! What may have changed between a plan and its submission.

use shared::{price::prices, run::State, spend::Usd};

use super::*;
use crate::plan::{
    plan,
    tests::{now, policy, version},
};

fn planned(recipe: &str, tokens: u64) -> (Run, Version) {
    let version = version(recipe, tokens);
    let run = plan(
        &version,
        &policy("", "", ""),
        "us-central1",
        prices(),
        now(),
    );
    (run, version)
}

fn examined(run: &Run, version: &Version, policy: &StoredPolicy) -> Permit {
    permit(run, version, policy, prices(), now())
}

#[track_caller]
fn check_waits(policy: &StoredPolicy, expected: WaitCode) {
    let (run, version) = planned("", 1_000_000);
    match examined(&run, &version, policy) {
        Permit::Wait { code, reason } => assert_eq!(code, expected, "{reason}"),
        other @ (Permit::Buy(_) | Permit::Ask { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn what_the_policy_forbids_after_the_plan_is_not_bought() {
    check_waits(
        &policy("stopped = false", "stopped = true", ""),
        WaitCode::Stopped,
    );
    check_waits(
        &policy("price_age_days_max = 90", "price_age_days_max = 1", ""),
        WaitCode::Price,
    );
    let entry = |line: &str| policy("", "", &format!("[[dataset]]\nname = \"*\"\n{line}"));
    check_waits(&entry("models = [\"support\"]"), WaitCode::Policy);
    check_waits(
        &entry("base_models = [\"gemini-3.5-flash\"]"),
        WaitCode::Policy,
    );
    check_waits(&entry("recipe_required = true"), WaitCode::Policy);
    check_waits(&entry("location = \"eu\""), WaitCode::Policy);
    let mut small = policy("", "", "");
    small.policy.spend.run = Usd(5_000_000);
    check_waits(&small, WaitCode::Policy);
}

#[test]
fn the_region_of_the_plan_is_kept_although_the_project_has_another_now() {
    let (run, version) = planned("", 1_000_000);
    // `permit` does not even see the project's region.
    let Permit::Buy(bought) = examined(&run, &version, &policy("", "", "")) else {
        panic!("it is within its budget");
    };
    assert_eq!(bought.plan.region, "us-central1");
}

#[test]
fn an_approval_is_of_what_was_approved_and_of_nothing_else() {
    let (mut run, version) = planned("", 3_000_000);
    assert_eq!(run.state, State::AwaitingApproval);
    run.approve("ada", "for the release", now()).unwrap();
    let same = policy("", "", "");
    assert!(matches!(
        examined(&run, &version, &same),
        Permit::Buy(bought) if bought.approval == run.approval
    ));
    let mut elsewhere = same.clone();
    elsewhere.generation += 1;
    assert!(
        matches!(examined(&run, &version, &elsewhere), Permit::Buy(_)),
        "what changed in the policy does not bear on this run"
    );
    let changed = policy("approve_above_usd = 25.0", "approve_above_usd = 5.0", "");
    let Permit::Ask {
        run: mut asks,
        reason,
    } = examined(&run, &version, &changed)
    else {
        panic!("the policy changed after the approval");
    };
    assert!(
        reason.contains("has changed since it was planned"),
        "{reason}"
    );
    asks.ask_again("tune", &reason, now());
    assert_eq!((asks.state, asks.attempt), (State::AwaitingApproval, 2));
    asks.approve("ada", "still", now()).unwrap();
    assert!(matches!(
        examined(&asks, &version, &changed),
        Permit::Buy(_)
    ));
}

#[test]
fn a_run_within_its_budget_is_examined_by_the_policy_of_now() {
    let (run, version) = planned("", 1_000_000);
    let mut later = policy("", "", "");
    later.generation += 1;
    let Permit::Buy(bought) = examined(&run, &version, &later) else {
        panic!("it is within its budget still");
    };
    assert_eq!(bought.policy_generation, Some(8));
    assert_eq!(
        bought.approval.as_ref().map(|it| it.digest.clone()),
        Some(bought.approval_digest())
    );
    let lower = policy("approve_above_usd = 25.0", "approve_above_usd = 5.0", "");
    assert!(matches!(
        examined(&run, &version, &lower),
        Permit::Ask { .. }
    ));
}

#[test]
fn what_was_bought_before_is_bought_again_only_where_a_person_says_so() {
    let (mut run, version) = planned("", 1_000_000);
    run.bought_before = Some("tickets-abc-before".parse().unwrap());
    let same = policy("", "", "");
    let Permit::Ask { reason, .. } = examined(&run, &version, &same) else {
        panic!("the same was bought before");
    };
    assert!(reason.contains("as run tickets-abc-before"), "{reason}");
    run.state = State::AwaitingApproval;
    run.approve("ada", "again", now()).unwrap();
    assert!(matches!(examined(&run, &version, &same), Permit::Buy(_)));
}
