//! What becomes of rows with a recipe under a policy: the plan, its price, and whether it may run.
//!
//! Pure, so that `lapidary check` says before an upload what `tune` decides after it.

use chrono::NaiveDate;
use shared::{
    id::{DatasetName, model_id},
    policy::{DatasetPolicy, Policy},
    price::{NoPrice, PassTokens, Prices},
    recipe::Recipe,
    run::{Estimate, TuningPlan},
    spend::Usd,
    waits::WaitCode,
};

use crate::{
    advice,
    defaults::{Hyperparameters, hyperparameters},
    plan_input::PlanInput,
};

/// Whether a plan may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanVerdict {
    /// It may, when its turn comes.
    Runs,
    /// A person must approve it first.
    AwaitsApproval,
    /// It may not, now: a person must change what the code says.
    Waits(WaitCode),
    /// It cannot.
    Fails,
}

/// What becomes of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The parameters of the job.
    pub plan: TuningPlan,
    /// The route that the result would take.
    pub model: DatasetName,
    /// The rules of the dataset.
    pub rules: DatasetPolicy,
    /// What it costs; `None` where no price is known.
    pub estimate: Option<Estimate>,
    /// The amount above which a person must approve it.
    pub approve_above: Usd,
    /// Whether it may run.
    pub verdict: PlanVerdict,
    /// Why, in plain words.
    pub reason: String,
    /// What else a person should know.
    pub warnings: Vec<String>,
    /// What the recipe leaves out: the value that is taken, and why.
    pub defaults: Vec<String>,
}

/// Plans `input` under `policy`; `region` is the project's own.
pub fn outlook(
    input: &PlanInput<'_>,
    policy: &Policy,
    region: &str,
    prices: &Prices,
    today: NaiveDate,
) -> Outlook {
    outlook_billed(input, input.pass, policy, region, prices, today)
}

/// The same plan, were `billed` the tokens of a pass: for a check before the service has counted them.
pub fn outlook_billed(
    input: &PlanInput<'_>,
    billed: PassTokens,
    policy: &Policy,
    region: &str,
    prices: &Prices,
    today: NaiveDate,
) -> Outlook {
    let Recipe { tune, deploy, .. } = input.recipe;
    let rules = policy.for_dataset(input.dataset);
    let base_model = model_id(&tune.base_model).to_owned();
    let Hyperparameters {
        epochs,
        learning_rate_multiplier,
        adapter_size,
        defaults,
    } = hyperparameters(input, &base_model, prices);
    let plan = TuningPlan {
        base_model,
        region: rules.location.tuning_region(region).to_owned(),
        epochs,
        learning_rate_multiplier,
        adapter_size,
    };
    let estimated = prices.estimate(&plan, billed).map(|estimate| Estimate {
        serving: prices.serving(
            &plan.base_model,
            rules.location.serving_location(&plan.region),
            input.row_tokens,
        ),
        ..estimate
    });
    let model = deploy.model.as_ref().unwrap_or(input.dataset).clone();
    let approve_above = policy.spend.approve_above(tune.budget_usd);
    let mut outlook = Outlook {
        warnings: advice::warnings(input, &plan, prices, today),
        defaults,
        plan,
        model,
        rules,
        estimate: estimated.as_ref().ok().cloned(),
        approve_above,
        verdict: PlanVerdict::Runs,
        reason: String::new(),
    };
    (outlook.verdict, outlook.reason) = verdict(input, policy, &outlook, estimated, prices, today);
    outlook
}

fn verdict(
    input: &PlanInput<'_>,
    policy: &Policy,
    outlook: &Outlook,
    estimated: Result<Estimate, NoPrice>,
    prices: &Prices,
    today: NaiveDate,
) -> (PlanVerdict, String) {
    let estimate = match estimated {
        Ok(estimate) => estimate,
        Err(no_price) => return (PlanVerdict::Fails, no_price.to_string()),
    };
    if input.train == 0 {
        let reason = "the version has no training rows: upload more rows".to_owned();
        return (PlanVerdict::Fails, reason);
    }
    if let Some(reason) = forbidden(input.dataset, &outlook.model, &outlook.plan, &outlook.rules) {
        return (PlanVerdict::Fails, reason);
    }
    let (price, run) = (estimate.price(), policy.spend.run);
    if estimate.upper() > run {
        let reason = format!(
            "costs up to {}, above spend.run_usd = {run} of the policy, the most that any run may cost: \
             upload fewer rows or lower tune.epochs",
            estimate.upper()
        );
        return (PlanVerdict::Fails, reason);
    }
    if let Some(reason) = no_recipe(input.recipe_found, &outlook.rules) {
        return (PlanVerdict::Waits(WaitCode::Policy), reason);
    }
    if let Some(reason) = stale_price(policy, &outlook.plan, prices, today) {
        return (PlanVerdict::Waits(WaitCode::Price), reason);
    }
    let budget = outlook.approve_above;
    if estimate.upper() > budget {
        let reason = format!(
            "costs about {price}, above its budget of {budget}: approve it{}",
            if budget < policy.spend.approve_above {
                ", or raise tune.budget_usd"
            } else {
                ""
            }
        );
        return (PlanVerdict::AwaitsApproval, reason);
    }
    if let Some(reason) = input.too_many_rejected(&outlook.rules) {
        return (PlanVerdict::AwaitsApproval, reason);
    }
    if policy.spend.stopped {
        return (PlanVerdict::Waits(WaitCode::Stopped), STOPPED.to_owned());
    }
    let reason = format!("costs about {price} of a budget of {budget}");
    (PlanVerdict::Runs, reason)
}

/// What a run waits for while the kill switch is set.
pub(crate) const STOPPED: &str =
    "waits: spend.stopped is set in the policy, and nothing is bought while it is";

/// What the policy does not let a run of `dataset` do.
fn forbidden(
    dataset: &DatasetName,
    model: &DatasetName,
    plan: &TuningPlan,
    rules: &DatasetPolicy,
) -> Option<String> {
    if !rules.allows_model(dataset, model) {
        let allowed = match &rules.models {
            Some(models) => {
                let names: Vec<&str> = models.iter().map(DatasetName::as_str).collect();
                names.join(", ")
            }
            None => dataset.to_string(),
        };
        return Some(format!(
            "deploy.model is `{model}`, and the policy lets dataset `{dataset}` take only {allowed}: \
             change deploy.model, or ask an operator"
        ));
    }
    if !rules.allows_base_model(&plan.base_model) {
        let allowed = rules.base_models.as_deref().unwrap_or_default().join(", ");
        return Some(format!(
            "tune.base_model is `{}`, and the policy lets dataset `{dataset}` tune only {allowed}: \
             change tune.base_model, or ask an operator",
            plan.base_model
        ));
    }
    None
}

/// Why rows without a recipe wait.
fn no_recipe(found: Option<bool>, rules: &DatasetPolicy) -> Option<String> {
    (rules.recipe_required && found == Some(false)).then(|| {
        "waits: the policy requires a recipe, and none was uploaded before the rows: upload recipe.toml, \
         then the rows again"
            .to_owned()
    })
}

/// Why a price is too old to buy by.
fn stale_price(
    policy: &Policy,
    plan: &TuningPlan,
    prices: &Prices,
    today: NaiveDate,
) -> Option<String> {
    let as_of = prices.models.get(&plan.base_model)?.as_of;
    let spend = &policy.spend;
    (!spend.is_fresh(as_of, today)).then(|| {
        format!(
            "waits: the price of `{}` was checked on {as_of}, longer ago than spend.price_age_days_max = {} \
             of the policy: check it, and install a version with the new price list",
            plan.base_model, spend.price_age_days_max
        )
    })
}
