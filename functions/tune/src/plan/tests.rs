//! Plans under policies, and what becomes of them.

use shared::{
    dataset::{RowTokens, Rows, StoredFile},
    policy::{DEFAULT, Policy},
    price::prices,
    recipe::Recipe,
    uri::Artifact,
    waits::WaitCode,
};

use super::*;
use crate::outlook::PlanVerdict;

/// A day at which the prices are fresh.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

pub(crate) fn version(recipe: &str, tokens: u64) -> Version {
    let artifact = Artifact {
        uri: "gs://b/o".parse().unwrap(),
        generation: 1,
    };
    let part = |rows| StoredFile {
        artifact: artifact.clone(),
        rows,
        bytes: 9,
    };
    Version {
        id: "tickets-abc".parse().unwrap(),
        dataset: "tickets".parse().unwrap(),
        source: artifact.clone(),
        source_crc32c: String::new(),
        source_bytes: 9,
        recipe: Recipe::parse(recipe).unwrap(),
        recipe_found: Some(!recipe.is_empty()),
        uploader: None,
        location: None,
        format: "input_output".to_owned(),
        code_version: "0".to_owned(),
        rows: Rows {
            read: 1_000,
            kept: 900,
            rejected: 100,
            duplicate: 0,
        },
        codes: std::collections::BTreeMap::new(),
        tokens,
        tokens_max: tokens,
        row_tokens: RowTokens::default(),
        task: "generation".to_owned(),
        template_version: None,
        parents: Vec::new(),
        review: None,
        parts: [
            ("train".to_owned(), part(800)),
            ("validation".to_owned(), part(50)),
            ("eval".to_owned(), part(100)),
        ]
        .into(),
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// The default policy, with changes: `from` is replaced by `to`, and `more` follows.
pub(crate) fn policy(from: &str, to: &str, more: &str) -> StoredPolicy {
    assert!(DEFAULT.contains(from), "{from}");
    let text = format!("{}\n{more}", DEFAULT.replacen(from, to, 1));
    StoredPolicy {
        policy: Policy::parse(&text).unwrap(),
        generation: 7,
    }
}

fn default_policy() -> StoredPolicy {
    policy("", "", "")
}

fn planned(version: &Version, policy: &StoredPolicy) -> Run {
    plan(version, policy, "us-central1", prices(), now())
}

#[track_caller]
fn check(version: &Version, policy: &StoredPolicy, state: State, reason: &str) {
    let run = planned(version, policy);
    assert_eq!(run.state, state, "{}", run.reason);
    assert!(run.reason.contains(reason), "{reason:?}: {}", run.reason);
    assert_eq!(run.policy_generation, Some(7));
    assert_eq!(run.approval.is_some(), state == State::Queued);
}

#[test]
fn a_run_goes_ahead_only_within_its_budget() {
    let default = default_policy();
    let check = |recipe, tokens, state, reason| {
        check(&version(recipe, tokens), &default, state, reason);
    };
    check("", 1_000_000, State::Queued, "$9.00 of a budget of $25.00");
    check("", 3_000_000, State::AwaitingApproval, "$27.00");
    check(
        "[tune]\nbudget_usd = 0",
        1_000,
        State::AwaitingApproval,
        "raise tune.budget_usd",
    );
    check(
        "[tune]\nbase_model = \"gemini-1.5-pro\"",
        1_000,
        State::Failed,
        "one of gemini-3.1-flash-lite",
    );
}

#[test]
fn a_recipe_does_not_approve_itself() {
    let rich = version("[tune]\nbudget_usd = 1e12", 3_000_000);
    let reason = "above its budget of $25.00: approve it";
    check(&rich, &default_policy(), State::AwaitingApproval, reason);
    // Nor does a person approve what no run may cost.
    let huge = version("[tune]\nbudget_usd = 1e12", 30_000_000);
    let reason = "costs up to $180.00, above spend.run_usd = $100.00";
    check(&huge, &default_policy(), State::Failed, reason);
}

#[test]
fn the_worst_case_of_a_conversation_decides() {
    let mut chats = version("", 1_000_000);
    chats.tokens_max = 9_000_000;
    let reason = "costs about $9.00 to $81.00, above its budget";
    check(&chats, &default_policy(), State::AwaitingApproval, reason);
}

#[test]
fn a_recipe_takes_no_route_but_those_of_the_policy() {
    let steals = version("[deploy]\nmodel = \"support\"", 1_000);
    let reason = "lets dataset `tickets` take only tickets";
    check(&steals, &default_policy(), State::Failed, reason);
    let lets = "[[dataset]]\nname = \"tick*\"\nmodels = [\"support\"]";
    check(&steals, &policy("", "", lets), State::Queued, "$0.0090");
    let other = "[[dataset]]\nname = \"*\"\nbase_models = [\"gemini-3.5-flash\"]";
    let reason = "tune only gemini-3.5-flash";
    check(
        &version("", 1),
        &policy("", "", other),
        State::Failed,
        reason,
    );
}

#[test]
fn rows_uploaded_before_their_recipe_wait_where_the_policy_requires_one() {
    let strict = policy(
        "",
        "",
        "[[dataset]]\nname = \"tickets\"\nrecipe_required = true",
    );
    check(
        &version("", 1_000),
        &strict,
        State::Queued,
        "upload recipe.toml, then the rows again",
    );
    check(
        &version("[tune]", 1_000),
        &strict,
        State::Queued,
        "of a budget",
    );
}

#[test]
fn a_version_with_many_rejected_rows_waits_for_a_person() {
    let strict = policy(
        "",
        "",
        "[[dataset]]\nname = \"tickets\"\nrejected_percent_max = 9.9",
    );
    let reason = "100 of 1,000 rows were rejected";
    check(
        &version("", 1_000),
        &strict,
        State::AwaitingApproval,
        reason,
    );
    let even = policy(
        "",
        "",
        "[[dataset]]\nname = \"tickets\"\nrejected_percent_max = 10",
    );
    check(&version("", 1_000), &even, State::Queued, "of a budget");
}

#[test]
fn the_policy_decides_where_a_job_runs() {
    for (location, region) in [
        ("us", "us-central1"),
        ("eu", "europe-west4"),
        ("global", "us-central1"),
    ] {
        let keeps = format!("[[dataset]]\nname = \"tickets\"\nlocation = \"{location}\"");
        let run = planned(&version("", 1_000), &policy("", "", &keeps));
        assert_eq!(run.plan.region, region);
        assert_eq!(run.location.as_str(), location);
    }
}

#[test]
fn nothing_is_planned_to_be_bought_by_an_old_price_or_while_buying_is_stopped() {
    let verdict = |policy: &StoredPolicy| {
        let version = version("", 1_000);
        let input = PlanInput::of(&version);
        let today = now().date_naive();
        outlook(&input, &policy.policy, "us-central1", prices(), today).verdict
    };
    assert_eq!(verdict(&default_policy()), PlanVerdict::Runs);
    let old = policy("price_age_days_max = 90", "price_age_days_max = 30", "");
    assert_eq!(verdict(&old), PlanVerdict::Waits(WaitCode::Price));
    let stopped = policy("stopped = false", "stopped = true", "");
    assert_eq!(verdict(&stopped), PlanVerdict::Waits(WaitCode::Stopped));
}

#[test]
fn another_plan_is_another_run_and_another_name_of_a_model_is_not() {
    let id = |recipe: &str| planned(&version(recipe, 1_000), &default_policy()).id;
    assert_eq!(id(""), id("[tune]\nepochs = 3"));
    assert_ne!(id(""), id("[tune]\nepochs = 4"));
    for prefix in ["publishers/google/models/", "models/"] {
        let recipe = format!("[tune]\nbase_model = \"{prefix}gemini-3.1-flash-lite\"");
        assert_eq!(id(""), id(&recipe));
    }
}
