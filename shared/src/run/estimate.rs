//! What a run is expected to cost: low and high, as a person reads it everywhere.

use serde::{Deserialize, Serialize};

use crate::{quantity, spend::Usd};

/// What the run is expected to cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredEstimate")]
pub struct Estimate {
    /// Training tokens at least: question and answer of each row, times the epochs.
    pub tokens_low: u64,
    /// Training tokens at most: each answer of a conversation with all that precedes it.
    pub tokens_high: u64,
    /// US dollars at least.
    pub usd_low: f64,
    /// US dollars at most: what is compared with limits, and reserved.
    pub usd_high: f64,
    /// The day the price was checked.
    pub price_as_of: String,
    /// What serving the model costs, where its price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<ServingEstimate>,
}

/// What a number of answers of the tuned model cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ServingEstimate {
    /// Answers.
    pub requests: u32,
    /// US dollars at least.
    pub usd_low: f64,
    /// US dollars at most.
    pub usd_high: f64,
}

/// As documents have it; those of earlier versions have one number, not two.
#[derive(Deserialize)]
struct StoredEstimate {
    #[serde(alias = "training_tokens")]
    tokens_low: u64,
    #[serde(default)]
    tokens_high: Option<u64>,
    #[serde(alias = "usd")]
    usd_low: f64,
    #[serde(default)]
    usd_high: Option<f64>,
    #[serde(default)]
    price_as_of: String,
    #[serde(default)]
    serving: Option<ServingEstimate>,
}

impl From<StoredEstimate> for Estimate {
    fn from(stored: StoredEstimate) -> Self {
        Self {
            tokens_low: stored.tokens_low,
            tokens_high: stored.tokens_high.unwrap_or(stored.tokens_low),
            usd_low: stored.usd_low,
            usd_high: stored.usd_high.unwrap_or(stored.usd_low),
            price_as_of: stored.price_as_of,
            serving: stored.serving,
        }
    }
}

impl Estimate {
    /// No cost that is known: of a run that cannot be bought.
    pub fn unknown() -> Self {
        Self {
            tokens_low: 0,
            tokens_high: 0,
            usd_low: 0.0,
            usd_high: 0.0,
            price_as_of: String::new(),
            serving: None,
        }
    }

    /// The upper price: what is reserved. More than any cap where the document has no valid amount.
    pub fn upper(&self) -> Usd {
        Usd::rounded_up(self.usd_high).unwrap_or(Usd(u64::MAX))
    }

    /// The price as people read it: `$0.56`, or `$0.56 to $1.12` where the worst case differs.
    pub fn price(&self) -> String {
        range(quantity::usd(self.usd_low), &quantity::usd(self.usd_high))
    }

    /// The training tokens as people read them.
    pub fn tokens(&self) -> String {
        let low = quantity::count(self.tokens_low);
        format!("{} tokens", range(low, &quantity::count(self.tokens_high)))
    }
}

impl ServingEstimate {
    /// The price as people read it.
    pub fn price(&self) -> String {
        let price = range(quantity::usd(self.usd_low), &quantity::usd(self.usd_high));
        format!(
            "{price} for {} answers",
            quantity::count(self.requests.into())
        )
    }
}

fn range(low: String, high: &str) -> String {
    if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_of_an_earlier_version_is_read() {
        let json = serde_json::json!({"training_tokens": 7, "usd": 0.5, "price_as_of": "d"});
        let estimate: Estimate = serde_json::from_value(json).unwrap();
        assert_eq!((estimate.tokens_low, estimate.tokens_high), (7, 7));
        assert_eq!(estimate.price(), "$0.50");
        let json = serde_json::to_value(&estimate).unwrap();
        assert_eq!(serde_json::from_value::<Estimate>(json).unwrap(), estimate);
    }

    #[test]
    fn low_and_high_are_shown_where_they_differ() {
        let mut estimate = Estimate {
            tokens_low: 1_000,
            tokens_high: 2_000,
            usd_low: 1.0,
            usd_high: 2.5,
            ..Estimate::unknown()
        };
        assert_eq!(estimate.price(), "$1.00 to $2.50");
        assert_eq!(estimate.tokens(), "1,000 to 2,000 tokens");
        assert_eq!(estimate.upper(), Usd(2_500_000));
        estimate.usd_high = f64::NAN;
        assert_eq!(estimate.upper(), Usd(u64::MAX));
    }
}
