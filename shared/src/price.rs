//! What tuning and answering cost: dated data in `prices.json`, never code.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// The list that this build carries.
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is compiled in and a test parses it"
    )]
    serde_json::from_str(include_str!("prices.json")).expect("prices.json parses")
});

/// The price list.
#[derive(Debug, Deserialize)]
pub struct Prices {
    /// The day the prices were checked.
    pub as_of: String,
    /// Factor on a base model's token prices when its tuned model answers, by rule of the service.
    pub tuned_factor: f64,
    /// How long tuning jobs usually take once they run.
    pub tuning_minutes: Minutes,
    /// Models by id.
    pub models: BTreeMap<String, ModelPrice>,
}

/// A range of minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minutes {
    /// Rarely less.
    pub least: u32,
    /// Rarely more.
    pub most: u32,
}

/// The prices of one model, in US dollars for a million tokens.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelPrice {
    /// Training tokens; `None` where the model cannot be tuned.
    pub training: Option<f64>,
    /// Tokens of a prompt.
    pub input: f64,
    /// Tokens of an answer, thoughts included.
    pub output: f64,
    /// The day it stops answering.
    pub retires: Option<String>,
}

/// The list.
pub fn prices() -> &'static Prices {
    &PRICES
}

impl Prices {
    /// The price of `tokens` training tokens of `model`; `None` where it cannot be tuned.
    pub fn training_usd(&self, model: &str, tokens: u64) -> Option<f64> {
        let price = self.models.get(model)?.training?;
        Some(millions(tokens) * price)
    }

    /// The price of an answer; `None` where the model is not on the list.
    pub fn answer_usd(&self, model: &str, tuned: bool, input: u64, output: u64) -> Option<f64> {
        let price = self.models.get(model)?;
        let base = millions(input) * price.input + millions(output) * price.output;
        Some(if tuned {
            base * self.tuned_factor
        } else {
            base
        })
    }

    /// The models that can be tuned.
    pub fn tunable(&self) -> impl Iterator<Item = &str> {
        self.models
            .iter()
            .filter(|(_, price)| price.training.is_some())
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

    #[test]
    fn a_known_bill_is_reproduced() {
        // A field report: 17.5 million training tokens of gemini-3.1-flash-lite, about 52 dollars.
        let usd = prices()
            .training_usd("gemini-3.1-flash-lite", 17_500_000)
            .unwrap();
        assert!((usd - 52.5).abs() < 1e-9, "{usd}");
        assert!(prices().training_usd("gemini-1.5-pro", 1).is_none());
        assert!(prices().tunable().count() >= 2);
    }
}
