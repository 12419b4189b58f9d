//! What a person should know of a plan before it costs money: what is known to diverge, to overfit, or
//! to show nothing. Warnings only: none of them holds a run.

use chrono::NaiveDate;
use shared::{price::Prices, quantity, run::TuningPlan};

use crate::plan_input::PlanInput;

/// Factors on the learning rate above which the loss of small adapters is known to diverge: field
/// reports of 5 and 10; Google's guide stays at 1.
const MULTIPLIER_MAX: f64 = 4.0;
/// The factor below which few epochs change next to nothing.
const MULTIPLIER_MIN: f64 = 0.1;
/// Passes after which small datasets are learnt by heart: the evaluation loss of field reports rises
/// from the fifth on.
const EPOCHS_MAX: u32 = 10;
/// Rows below which Google's guide does not expect an effect: it recommends 100 to 500.
const TRAIN_MIN: u64 = 100;
/// Median tokens of an answer below which the loss says little: one label is one or two tokens.
const OUTPUT_MIN: u32 = 3;
/// 1.96 · √2 · ½: the half width of a 95 % interval of a difference between two shares around one half,
/// times the root of the number of rows. The worst case; pairs that agree make it smaller.
const DETECTABLE: f64 = 1.386;
/// The largest difference in percentage points that an evaluation should be able to miss.
const DETECTABLE_MAX: f64 = 15.0;

/// The warnings about `plan` for `input`.
pub fn warnings(
    input: &PlanInput<'_>,
    plan: &TuningPlan,
    prices: &Prices,
    today: NaiveDate,
) -> Vec<String> {
    [
        multiplier(plan),
        epochs(input, plan),
        few_rows(input),
        short_answers(input),
        evaluation(input),
        no_validation(input),
        limits(input, plan, prices),
        retirement(plan, prices, today),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn multiplier(plan: &TuningPlan) -> Option<String> {
    let found = plan.learning_rate_multiplier;
    if found > MULTIPLIER_MAX {
        return Some(format!(
            "tune.learning_rate_multiplier is {found}: above {MULTIPLIER_MAX} the loss is known to \
             diverge; begin with 1"
        ));
    }
    (found < MULTIPLIER_MIN).then(|| {
        format!(
            "tune.learning_rate_multiplier is {found}: below {MULTIPLIER_MIN} a run changes next to \
             nothing; begin with 1"
        )
    })
}

fn epochs(input: &PlanInput<'_>, plan: &TuningPlan) -> Option<String> {
    (plan.epochs > EPOCHS_MAX && input.train < 1_000).then(|| {
        format!(
            "tune.epochs is {} for {}: above {EPOCHS_MAX} small datasets are learnt by heart; begin with 3",
            plan.epochs,
            quantity::things(input.train, "row"),
        )
    })
}

fn few_rows(input: &PlanInput<'_>) -> Option<String> {
    (1..TRAIN_MIN).contains(&input.train).then(|| {
        format!(
            "{} to train on: the service recommends at least {TRAIN_MIN}",
            quantity::things(input.train, "row")
        )
    })
}

fn short_answers(input: &PlanInput<'_>) -> Option<String> {
    let median = input.row_tokens.output_median;
    (1..OUTPUT_MIN).contains(&median).then(|| {
        format!(
            "half of the answers have at most {}: the loss says little then; compare models by \
             accuracy",
            quantity::things(median.into(), "token")
        )
    })
}

/// What an evaluation on these rows can see at all, in percentage points.
pub fn detectable_points(rows: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
    let rows = rows as f64;
    (rows > 0.0).then(|| (DETECTABLE / rows.sqrt() * 100.0).min(100.0))
}

fn evaluation(input: &PlanInput<'_>) -> Option<String> {
    let rows = input.eval.min(input.recipe.evaluate.rows.into());
    let Some(points) = detectable_points(rows) else {
        return Some(
            "no rows to compare models with: the tuned model cannot be shown to be better"
                .to_owned(),
        );
    };
    (points > DETECTABLE_MAX).then(|| {
        format!(
            "{} to compare models with: a difference below about {points:.0} percentage points cannot be \
             seen",
            quantity::things(rows, "row")
        )
    })
}

fn no_validation(input: &PlanInput<'_>) -> Option<String> {
    (input.validation == 0 && input.train > 0).then(|| {
        "no validation rows: overfitting cannot be seen while the job runs; set clean.validation_percent"
            .to_owned()
    })
}

fn limits(input: &PlanInput<'_>, plan: &TuningPlan, prices: &Prices) -> Option<String> {
    let model = &prices.models.get(&plan.base_model)?.value;
    if !model.adapters.contains(&plan.adapter_size) {
        return Some(format!(
            "tune.adapter_size is {}: `{}` takes one of {:?}",
            plan.adapter_size, plan.base_model, model.adapters
        ));
    }
    let limits = model.limits;
    (input.train > limits.train_rows_max).then(|| {
        format!(
            "{} to train on: the service takes at most {}",
            quantity::things(input.train, "row"),
            quantity::count(limits.train_rows_max)
        )
    })
}

fn retirement(plan: &TuningPlan, prices: &Prices, today: NaiveDate) -> Option<String> {
    let retirement = prices.retirement(&plan.base_model, today);
    retirement.map(|retirement| retirement.words())
}

#[cfg(test)]
mod tests {
    use shared::{
        dataset::RowTokens,
        price::{PassTokens, prices},
        recipe::Recipe,
    };

    use super::*;

    #[track_caller]
    fn check(change: impl Fn(&mut PlanInput<'_>, &mut TuningPlan), expected: Option<&str>) {
        let recipe = Recipe::default();
        let dataset = "tickets".parse().unwrap();
        let mut input = PlanInput {
            is_accepted: false,
            dataset: &dataset,
            recipe: &recipe,
            recipe_found: Some(true),
            read: 1_000,
            rejected: 0,
            train: 900,
            validation: 50,
            eval: 200,
            pass: PassTokens { low: 1, high: 1 },
            row_tokens: RowTokens::default(),
        };
        let mut plan = TuningPlan {
            base_model: "gemini-3.1-flash-lite".to_owned(),
            region: "us-central1".to_owned(),
            epochs: 3,
            learning_rate_multiplier: 1.0,
            adapter_size: 4,
        };
        change(&mut input, &mut plan);
        let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        let found = warnings(&input, &plan, prices(), today);
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(expected) => {
                assert_eq!(found.len(), 1, "{expected}: {found:?}");
                assert!(found[0].contains(expected), "{expected}: {found:?}");
            }
        }
    }

    #[test]
    fn a_plan_without_a_known_risk_has_no_warning() {
        check(|_, _| {}, None);
    }

    #[test]
    fn what_is_known_to_go_wrong_is_said_before_it_costs_money() {
        check(
            |_, plan| plan.learning_rate_multiplier = 10.0,
            Some("diverge"),
        );
        check(
            |_, plan| plan.learning_rate_multiplier = 0.05,
            Some("next to nothing"),
        );
        check(|_, plan| plan.epochs = 40, Some("learnt by heart"));
        check(|input, _| input.train = 40, Some("at least 100"));
        check(
            |input, _| input.row_tokens.output_median = 1,
            Some("accuracy"),
        );
        check(|input, _| input.eval = 30, Some("25 percentage points"));
        check(|input, _| input.eval = 0, Some("cannot be shown"));
        check(|input, _| input.validation = 0, Some("validation_percent"));
        check(
            |input, _| input.train = 20_000_000,
            Some("at most 10,000,000"),
        );
        check(|_, plan| plan.adapter_size = 32, Some("[1, 2, 4, 8, 16]"));
    }
}
