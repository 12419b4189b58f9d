//! What a plan takes where its recipe does not say: by the number of rows and by their tokens, each with its
//! reason, which the run records and every screen shows.

use shared::{price::Prices, quantity};

use crate::plan_input::PlanInput;

/// Passes over a dataset of usual size. The evaluation loss of field reports rises from the fifth on, and the
/// checkpoint of each pass can be chosen. The service's own default was seen to be 40.
const EPOCHS: u32 = 3;
/// Rows, and tokens of a pass, from which one pass less is taken: later passes over so many change little, and
/// each costs as much as the first.
const MANY: Size = Size {
    rows: 10_000,
    tokens: 10_000_000,
};
/// Rows and tokens from which one pass is taken.
const VERY_MANY: Size = Size {
    rows: 100_000,
    tokens: 100_000_000,
};
/// The factor that Google's guide begins with; 5 and 10 were seen to diverge.
const MULTIPLIER: f64 = 1.0;
/// The rank of an adapter, in the middle of those that models take.
const ADAPTER: u32 = 4;
/// The rank for many rows with long answers, which have more to learn.
const ADAPTER_LARGE: u32 = 8;
/// Mean tokens of an answer from which it is long: a paragraph or two.
const LONG_ANSWER: u64 = 200;

/// A size of a dataset: it is reached where either is.
#[derive(Debug, Clone, Copy)]
struct Size {
    rows: u64,
    tokens: u64,
}

impl Size {
    fn is_reached(self, input: &PlanInput<'_>) -> bool {
        input.train >= self.rows || input.pass.low >= self.tokens
    }
}

/// The hyper-parameters of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Hyperparameters {
    /// Passes over the training rows.
    pub epochs: u32,
    /// Factor on the model's own learning rate.
    pub learning_rate_multiplier: f64,
    /// Rank of the adapter.
    pub adapter_size: u32,
    /// For each that the recipe leaves out: its value, and why.
    pub defaults: Vec<String>,
}

/// Those of the recipe, and the defaults of what it leaves out, for `base_model`.
pub fn hyperparameters(
    input: &PlanInput<'_>,
    base_model: &str,
    prices: &Prices,
) -> Hyperparameters {
    let tune = &input.recipe.tune;
    let mut defaults = Vec::new();
    let epochs = tune.epochs.unwrap_or_else(|| {
        let (epochs, why) = epochs(input);
        defaults.push(format!("tune.epochs is not set: {epochs}, since {why}"));
        epochs
    });
    let learning_rate_multiplier = tune.learning_rate_multiplier.unwrap_or_else(|| {
        defaults.push(format!(
            "tune.learning_rate_multiplier is not set: {MULTIPLIER}, since Google's guide begins with it"
        ));
        MULTIPLIER
    });
    let adapter_size = tune.adapter_size.unwrap_or_else(|| {
        let (size, why) = adapter_size(input, base_model, prices);
        defaults.push(format!("tune.adapter_size is not set: {size}, since {why}"));
        size
    });
    Hyperparameters {
        epochs,
        learning_rate_multiplier,
        adapter_size,
        defaults,
    }
}

fn size(input: &PlanInput<'_>) -> String {
    let rows = quantity::things(input.train, "row");
    format!(
        "{rows} of {} together",
        quantity::things(input.pass.low, "token")
    )
}

fn epochs(input: &PlanInput<'_>) -> (u32, String) {
    if VERY_MANY.is_reached(input) {
        let why = format!(
            "{} are learnt in one pass, and each costs as much",
            size(input)
        );
        return (1, why);
    }
    if MANY.is_reached(input) {
        let why = format!(
            "a third pass over {} changes little and costs as much",
            size(input)
        );
        return (2, why);
    }
    let why = format!(
        "{} need a few passes, and are memorised after about four",
        size(input)
    );
    (EPOCHS, why)
}

fn adapter_size(input: &PlanInput<'_>, base_model: &str, prices: &Prices) -> (u32, String) {
    let mean = input.row_tokens.output_mean;
    let is_large = input.train >= MANY.rows && mean >= LONG_ANSWER;
    let (wanted, why) = if is_large {
        let answers = quantity::things(mean, "token");
        (
            ADAPTER_LARGE,
            format!("many rows with answers of {answers} have more to learn"),
        )
    } else {
        (
            ADAPTER,
            "it is in the middle of what models take".to_owned(),
        )
    };
    let model = prices.models.get(base_model);
    let taken = model.map_or(&[][..], |model| &model.value.adapters);
    let fits = taken.iter().copied().filter(|size| *size <= wanted).max();
    match fits {
        Some(size) if size != wanted => (
            size,
            format!("`{base_model}` takes none of {wanted}, and {why}"),
        ),
        Some(_) | None => (wanted, why),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        dataset::RowTokens,
        price::{PassTokens, prices},
        recipe::Recipe,
    };

    use super::*;

    fn found(recipe: &str, rows: u64, tokens: u64, answer: u64) -> Hyperparameters {
        let recipe = Recipe::parse(recipe).unwrap();
        let dataset = "tickets".parse().unwrap();
        let input = PlanInput {
            is_accepted: false,
            dataset: &dataset,
            recipe: &recipe,
            recipe_found: Some(true),
            read: rows,
            rejected: 0,
            train: rows,
            validation: 50,
            eval: 200,
            pass: PassTokens {
                low: tokens,
                high: tokens,
            },
            row_tokens: RowTokens {
                output_mean: answer,
                ..RowTokens::default()
            },
        };
        hyperparameters(&input, "gemini-3.1-flash-lite", prices())
    }

    #[track_caller]
    fn check(rows: u64, tokens: u64, answer: u64, epochs: u32, adapter_size: u32) {
        let found = found("", rows, tokens, answer);
        assert_eq!((found.epochs, found.adapter_size), (epochs, adapter_size));
        assert!((found.learning_rate_multiplier - MULTIPLIER).abs() < f64::EPSILON);
        assert_eq!(found.defaults.len(), 3, "{:?}", found.defaults);
        assert!(found.defaults.iter().all(|it| it.contains("since")));
    }

    #[test]
    fn defaults_follow_from_rows_and_tokens() {
        check(60, 3_000, 20, 3, 4);
        check(9_999, 9_999_999, 400, 3, 4);
        check(10_000, 1_000_000, 20, 2, 4);
        check(10_000, 4_000_000, 200, 2, 8);
        check(500, 10_000_000, 5_000, 2, 4);
        check(100_000, 20_000_000, 100, 1, 4);
        check(30_000, 200_000_000, 3_000, 1, 8);
    }

    #[test]
    fn what_the_recipe_says_is_no_default() {
        let all = "[tune]\nepochs = 7\nlearning_rate_multiplier = 0.5\nadapter_size = 16";
        let all = found(all, 200_000, 1, 900);
        assert_eq!((all.epochs, all.adapter_size), (7, 16));
        assert_eq!(all.defaults, Vec::<String>::new());
        let some = found("[tune]\nepochs = 7", 60, 3_000, 20);
        let expected =
            "tune.adapter_size is not set: 4, since it is in the middle of what models take";
        assert_eq!(some.defaults.len(), 2);
        assert_eq!(some.defaults[1], expected);
    }
}
