//! What tuning and answering cost, and the limits of models: dated data in `price/catalogue.json`,
//! never code. Each entry has the day it was checked and its source.

mod retirement;

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use self::retirement::{NoSuccessor, RETIRES_SOON, Retirement};
use crate::{
    dataset::RowTokens,
    run::{Estimate, ServingEstimate, TuningPlan},
    spend::Usd,
};

/// The catalogue that this build carries.
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is compiled in and a test parses it"
    )]
    serde_json::from_str(include_str!("price/catalogue.json")).expect("catalogue.json parses")
});

/// Requests that the price of serving is stated for.
const SERVED: u32 = 1_000;

/// The catalogue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Factor on a base model's token prices when its tuned model answers, by rule of the service.
    pub tuned_factor: Sourced<f64>,
    /// How long tuning jobs usually take once they run.
    pub tuning_minutes: Sourced<Minutes>,
    /// The day by which models of these names, by their beginning, had stopped answering.
    pub retired: BTreeMap<String, Sourced<NaiveDate>>,
    /// Regions that tuning jobs run in.
    pub regions: BTreeMap<String, Sourced<RegionPrice>>,
    /// Locations that models answer in.
    pub locations: BTreeMap<String, Sourced<LocationPrice>>,
    /// Models by id.
    pub models: BTreeMap<String, Sourced<CataloguedModel>>,
}

/// A value, with the day it was checked and its source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The day it was checked.
    pub as_of: NaiveDate,
    /// Where it is stated.
    pub source: String,
}

/// A range of minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// Rarely less.
    pub least: u32,
    /// Rarely more.
    pub most: u32,
}

/// What a region changes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionPrice {
    /// Factor on the price of training tokens.
    pub training_factor: f64,
}

/// What a location changes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationPrice {
    /// Factor on the price of answers.
    pub answer_factor: f64,
}

/// A model: its prices in US dollars for a million tokens, and what the service accepts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CataloguedModel {
    /// Training tokens; `None` where no price is known, or the model cannot be tuned.
    pub training: Option<f64>,
    /// Tokens of a prompt.
    pub input: f64,
    /// Tokens of an answer, thoughts included.
    pub output: f64,
    /// The day it stops answering; the service may move it later, never earlier.
    pub retires: Option<NaiveDate>,
    /// Ranks of an adapter.
    pub adapters: Vec<u32>,
    /// Regions that it is tuned in.
    pub regions: Vec<String>,
    /// The limits of a tuning job.
    pub limits: TuningLimits,
}

/// The limits of a tuning job.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningLimits {
    /// Tokens of a row, question and answer.
    pub row_tokens_max: u64,
    /// Rows of the training file.
    pub train_rows_max: u64,
    /// Bytes of the training file.
    pub train_bytes_max: u64,
    /// Rows of the validation file.
    pub validation_rows_max: u64,
}

/// Estimated tokens of a pass over the training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassTokens {
    /// Question and answer of each row.
    pub low: u64,
    /// Each answer with all that precedes it: how Google's own estimator counts conversations.
    pub high: u64,
}

/// Why something has no price: without one, nothing is bought.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPrice {
    /// The catalogue does not have the model.
    #[error(
        "base model `{model}` cannot be tuned: set tune.base_model in recipe.toml to one of {tunable}"
    )]
    Unknown {
        /// The model.
        model: String,
        /// Those that can be tuned.
        tunable: String,
    },
    /// The model does not answer any more.
    #[error(
        "base model `{model}` was retired by {day}: set tune.base_model in recipe.toml to one of {tunable}"
    )]
    Retired {
        /// The model.
        model: String,
        /// The day.
        day: NaiveDate,
        /// Those that can be tuned.
        tunable: String,
    },
    /// The catalogue has the model without a price of training.
    #[error(
        "no price of tuning `{model}` is known, and nothing is bought without one: set tune.base_model \
         in recipe.toml to one of {tunable}"
    )]
    Unpriced {
        /// The model.
        model: String,
        /// Those that have a price.
        tunable: String,
    },
    /// The model is not tuned in the region.
    #[error("base model `{model}` is not tuned in {region}: expected one of {regions}")]
    Region {
        /// The model.
        model: String,
        /// The region.
        region: String,
        /// Where it is.
        regions: String,
    },
}

/// The catalogue.
pub fn prices() -> &'static Prices {
    &PRICES
}

impl Prices {
    /// The entry of a model that can be tuned in `region`, with the price of a million training tokens
    /// there.
    ///
    /// # Errors
    ///
    /// Where it has no price.
    pub fn tuned(
        &self,
        model: &str,
        region: &str,
    ) -> Result<(&Sourced<CataloguedModel>, f64), NoPrice> {
        let tunable = || self.tunable().collect::<Vec<_>>().join(", ");
        let model_name = || model.to_owned();
        let entry = self
            .models
            .get(model)
            .ok_or_else(|| match self.retired(model) {
                Some(day) => NoPrice::Retired {
                    model: model_name(),
                    day,
                    tunable: tunable(),
                },
                None => NoPrice::Unknown {
                    model: model_name(),
                    tunable: tunable(),
                },
            })?;
        let training = entry.value.training.ok_or_else(|| NoPrice::Unpriced {
            model: model_name(),
            tunable: tunable(),
        })?;
        let here = entry.value.regions.iter().any(|it| it == region);
        match self.regions.get(region).filter(|_| here) {
            Some(factor) => Ok((entry, training * factor.value.training_factor)),
            None => Err(NoPrice::Region {
                model: model_name(),
                region: region.to_owned(),
                regions: entry.value.regions.join(", "),
            }),
        }
    }

    /// The price of `tokens` training tokens of `model` in `region`.
    ///
    /// # Errors
    ///
    /// Where it has no price.
    pub fn training(&self, model: &str, region: &str, tokens: u64) -> Result<Usd, NoPrice> {
        let (_, million) = self.tuned(model, region)?;
        // Beyond a thousand million dollars the amount is not exact, and above every cap.
        Ok(Usd::rounded_up(millions(tokens) * million).unwrap_or(Usd(u64::MAX)))
    }

    /// What the run of `plan` costs: the one place that says it, for every command, page and run.
    ///
    /// # Errors
    ///
    /// Where it has no price.
    pub fn estimate(&self, plan: &TuningPlan, pass: PassTokens) -> Result<Estimate, NoPrice> {
        let epochs = u64::from(plan.epochs);
        let low = pass.low.saturating_mul(epochs);
        let high = pass.high.max(pass.low).saturating_mul(epochs);
        let (model, region) = (&plan.base_model, &plan.region);
        let (entry, _) = self.tuned(model, region)?;
        Ok(Estimate {
            tokens_low: low,
            tokens_high: high,
            usd_low: self.training(model, region, low)?.dollars(),
            usd_high: self.training(model, region, high)?.dollars(),
            price_as_of: entry.as_of.to_string(),
            serving: None,
        })
    }

    /// What a thousand answers of a tuned model cost at `location`, by the tokens of its rows: low and
    /// high, since the service does not say whether the factors of tuned models and of locations
    /// multiply. `None` where the model or the location is not in the catalogue.
    pub fn serving(&self, model: &str, location: &str, rows: RowTokens) -> Option<ServingEstimate> {
        let (input, output) = rows.of_rows(SERVED.into());
        let usd = self.answer_usd(model, true, input, output)?;
        let factor = self.locations.get(location)?.value.answer_factor;
        Some(ServingEstimate {
            requests: SERVED,
            usd_low: usd,
            usd_high: usd * factor,
        })
    }

    /// The price of `tokens` training tokens of `model` in the cheapest region; `None` where it cannot be
    /// tuned.
    pub fn training_usd(&self, model: &str, tokens: u64) -> Option<f64> {
        let price = self.models.get(model)?.value.training?;
        Some(millions(tokens) * price)
    }

    /// The price of an answer; `None` where the model is not in the catalogue.
    pub fn answer_usd(&self, model: &str, tuned: bool, input: u64, output: u64) -> Option<f64> {
        let price = &self.models.get(model)?.value;
        let base = millions(input) * price.input + millions(output) * price.output;
        Some(if tuned {
            base * self.tuned_factor.value
        } else {
            base
        })
    }

    fn retired(&self, model: &str) -> Option<NaiveDate> {
        let mut retired = self.retired.iter();
        let found = retired.find(|(beginning, _)| model.starts_with(beginning.as_str()));
        found.map(|(_, day)| day.value)
    }

    /// The models that can be tuned, and have a price.
    pub fn tunable(&self) -> impl Iterator<Item = &str> {
        self.models
            .iter()
            .filter(|(_, entry)| entry.value.training.is_some())
            .map(|(model, _)| model.as_str())
    }
}

fn millions(tokens: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "tokens stay far below 2^53, where a float is exact"
    )]
    let tokens = tokens as f64;
    tokens / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(base_model: &str, region: &str) -> TuningPlan {
        TuningPlan {
            base_model: base_model.to_owned(),
            region: region.to_owned(),
            epochs: 3,
            learning_rate_multiplier: 1.0,
            adapter_size: 4,
        }
    }

    const PASS: PassTokens = PassTokens {
        low: 62_000,
        high: 124_000,
    };

    #[test]
    fn a_known_bill_is_reproduced() {
        // A field report: 17.5 million training tokens of gemini-3.1-flash-lite, about 52 dollars.
        let usd = prices().training("gemini-3.1-flash-lite", "us-central1", 17_500_000);
        assert_eq!(usd.unwrap(), Usd(52_500_000));
        assert!(prices().tunable().count() >= 2);
    }

    #[test]
    fn a_conversation_costs_up_to_what_each_of_its_answers_would() {
        let estimate = prices()
            .estimate(&plan("gemini-3.1-flash-lite", "us-central1"), PASS)
            .unwrap();
        assert_eq!(
            (estimate.tokens_low, estimate.tokens_high),
            (186_000, 372_000)
        );
        assert_eq!(estimate.price(), "$0.56 to $1.12");
        assert_eq!(estimate.upper(), Usd(1_116_000));
        // Versions that were made before the worst case was counted.
        let pass = PassTokens { high: 0, ..PASS };
        let estimate = prices().estimate(&plan("gemini-3.1-flash-lite", "us-central1"), pass);
        assert_eq!(estimate.unwrap().price(), "$0.56");
    }

    #[test]
    fn what_has_no_price_is_not_bought() {
        #[track_caller]
        fn check(model: &str, region: &str, expected: &str) {
            let error = prices().estimate(&plan(model, region), PASS).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        check("gpt-4o", "us-central1", "cannot be tuned");
        check("gemini-1.5-pro", "us-central1", "retired by 2026-10-20");
        check("gemini-2.5-flash", "us-central1", "retired by 2026-10-20");
        check("gemini-3.5-flash-lite", "us-central1", "no price");
        check("gemini-3.5-flash", "us-east1", "not tuned in us-east1");
    }

    #[test]
    fn answers_of_a_tuned_model_cost_half_as_much_again() {
        let rows = RowTokens {
            input_mean: 1_000,
            output_mean: 100,
            ..RowTokens::default()
        };
        let serving = prices().serving("gemini-3.1-flash-lite", "eu", rows);
        let serving = serving.unwrap();
        assert!((serving.usd_low - 0.6).abs() < 1e-9, "{serving:?}");
        assert!((serving.usd_high - 0.66).abs() < 1e-9, "{serving:?}");
    }

    #[test]
    fn every_entry_is_dated_and_sourced_and_every_region_of_a_model_has_a_factor() {
        let prices = prices();
        assert!(!prices.tuned_factor.source.is_empty());
        for (name, model) in &prices.models {
            assert!(!model.source.is_empty(), "{name}");
            for region in &model.value.regions {
                assert!(prices.regions.contains_key(region), "{name}: {region}");
            }
        }
    }
}
