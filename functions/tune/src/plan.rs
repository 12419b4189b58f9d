//! From a version and its recipe to a priced run.

use chrono::{DateTime, Utc};
use shared::{
    dataset::Version,
    id::RunId,
    price::Prices,
    quantity,
    run::{Approval, Estimate, Run, State, TuningPlan},
};

/// Plans the run that the recipe of `version` describes: queued within its budget, awaiting approval
/// above it, failed where the recipe cannot be carried out.
pub fn plan(version: &Version, region: &str, prices: &Prices, now: DateTime<Utc>) -> Run {
    let recipe = &version.recipe;
    let plan = TuningPlan {
        base_model: recipe.tune.base_model.clone(),
        region: region.to_owned(),
        epochs: recipe.tune.epochs,
        learning_rate_multiplier: recipe.tune.learning_rate_multiplier,
        adapter_size: recipe.tune.adapter_size,
    };
    let training_tokens = version.tokens * u64::from(plan.epochs);
    let usd = prices.training_usd(&plan.base_model, training_tokens);
    let mut run = Run {
        id: id(version, &plan),
        dataset: version.dataset.clone(),
        version: version.id.clone(),
        model: recipe
            .deploy
            .model
            .clone()
            .unwrap_or_else(|| version.dataset.clone()),
        estimate: Estimate {
            training_tokens,
            usd: usd.unwrap_or_default(),
            price_as_of: prices.as_of.clone(),
        },
        plan,
        budget_usd: recipe.tune.budget_usd,
        state: State::Queued,
        reason: String::new(),
        attempt: 1,
        waits: None,
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
    };
    (run.state, run.reason) = initial_state(&run, version, usd, prices);
    if run.state == State::Queued {
        run.approval = Some(Approval {
            by: "budget".to_owned(),
            at: now,
        });
    }
    if run.state.is_final() {
        run.finished_at = Some(now);
    }
    run.note("tune", run.reason.clone(), now);
    run
}

/// The id of a run: derived from version and plan, so that a redelivery plans the same run.
fn id(version: &Version, plan: &TuningPlan) -> RunId {
    RunId::derive(
        &version.id,
        &[
            &plan.base_model,
            &plan.region,
            &plan.epochs.to_string(),
            &plan.learning_rate_multiplier.to_string(),
            &plan.adapter_size.to_string(),
        ],
    )
}

fn initial_state(
    run: &Run,
    version: &Version,
    usd: Option<f64>,
    prices: &Prices,
) -> (State, String) {
    let Some(usd) = usd else {
        let tunable: Vec<&str> = prices.tunable().collect();
        let reason = format!(
            "base model `{}` cannot be tuned: set tune.base_model in recipe.toml to one of {}",
            run.plan.base_model,
            tunable.join(", ")
        );
        return (State::Failed, reason);
    };
    if version.parts.get("train").is_none_or(|part| part.rows == 0) {
        let reason = "the version has no training rows: upload more rows".to_owned();
        return (State::Failed, reason);
    }
    if usd > run.budget_usd {
        let reason = format!(
            "costs about {}, above its budget of {}: approve it, or raise tune.budget_usd",
            quantity::usd(usd),
            quantity::usd(run.budget_usd)
        );
        return (State::AwaitingApproval, reason);
    }
    let reason = format!(
        "costs about {} of a budget of {}",
        quantity::usd(usd),
        quantity::usd(run.budget_usd)
    );
    (State::Queued, reason)
}

#[cfg(test)]
mod tests {
    use shared::{dataset::StoredFile, price::prices, recipe::Recipe, uri::Artifact};

    use super::*;

    fn version(recipe: &str, tokens: u64) -> Version {
        let artifact = Artifact {
            uri: "gs://b/o".parse().unwrap(),
            generation: 1,
        };
        let train = StoredFile {
            artifact: artifact.clone(),
            rows: 500,
            bytes: 9,
        };
        Version {
            id: "tickets-abc".parse().unwrap(),
            dataset: "tickets".parse().unwrap(),
            source: artifact,
            source_crc32c: String::new(),
            source_bytes: 9,
            recipe: Recipe::parse(recipe).unwrap(),
            format: "input_output".to_owned(),
            code_version: "0".to_owned(),
            rows: shared::dataset::Rows::default(),
            codes: std::collections::BTreeMap::new(),
            tokens,
            task: "generation".to_owned(),
            template_version: None,
            parents: Vec::new(),
            parts: [("train".to_owned(), train)].into(),
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[track_caller]
    fn check(recipe: &str, tokens: u64, state: State, reason: &str) {
        let run = plan(
            &version(recipe, tokens),
            "us-central1",
            prices(),
            DateTime::UNIX_EPOCH,
        );
        assert_eq!(run.state, state, "{recipe:?}");
        assert!(run.reason.contains(reason), "{recipe:?}: {}", run.reason);
    }

    #[test]
    fn a_run_goes_ahead_only_within_its_budget() {
        check("", 1_000_000, State::Queued, "$9.00 of a budget of $25.00");
        check("", 3_000_000, State::AwaitingApproval, "$27.00");
        let small = "[tune]\nbudget_usd = 0";
        check(
            small,
            1_000,
            State::AwaitingApproval,
            "raise tune.budget_usd",
        );
        let retired = "[tune]\nbase_model = \"gemini-1.5-pro\"";
        check(
            retired,
            1_000,
            State::Failed,
            "one of gemini-3.1-flash-lite",
        );
    }

    #[test]
    fn another_plan_is_another_run() {
        let id = |recipe| {
            let version = version(recipe, 1_000);
            plan(&version, "us-central1", prices(), DateTime::UNIX_EPOCH).id
        };
        assert_eq!(id(""), id("[tune]\nepochs = 3"));
        assert_ne!(id(""), id("[tune]\nepochs = 4"));
    }
}
