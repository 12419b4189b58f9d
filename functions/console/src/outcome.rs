//! The evaluation of a run, as far as the console shows it.
//!
//! The document belongs to `evaluate`. The console reads the few fields it shows, each
//! optional, so that a newer writer cannot break a page.

use serde::{Deserialize, Serialize};
use shared::google::documents::Document;

/// The document `evaluations/{run}`, written by `evaluate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Evaluated {
    /// What was found.
    pub(crate) evaluation: Evaluation,
}

/// What an evaluation found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Evaluation {
    /// `better`, `not_worse`, `worse` or `cannot_tell`.
    pub(crate) verdict: String,
    /// The same in plain words, figures included.
    pub(crate) reason: String,
    /// The metric that decides.
    pub(crate) primary: Option<String>,
    /// Rows asked.
    pub(crate) rows: u64,
    /// Each metric.
    pub(crate) metrics: Vec<Comparison>,
}

/// One metric over all rows that it can measure; scores from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Comparison {
    /// Of the metric.
    pub(crate) name: String,
    /// Mean score of the base model.
    pub(crate) base_mean: f64,
    /// Mean score of the tuned model.
    pub(crate) tuned_mean: f64,
    /// Lower end of the 95 % interval of tuned less base.
    pub(crate) low: f64,
    /// Upper end.
    pub(crate) high: f64,
}

impl Document for Evaluated {
    const COLLECTION: &'static str = "evaluations";
}

impl Evaluation {
    /// The verdict in plain words; an unknown verdict is shown as it is.
    pub(crate) fn words(&self) -> &str {
        match self.verdict.as_str() {
            "better" => "better than the base",
            "not_worse" => "not worse than the base",
            "worse" => "worse than the base",
            "cannot_tell" => "inconclusive",
            "" => "no verdict",
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_time_still_shows() {
        let text = r#"{"verdict": "splendid", "schema": 9, "extra": {"x": 1}}"#;
        let evaluation: Evaluation = serde_json::from_str(text).unwrap();
        assert_eq!(evaluation.words(), "splendid");
    }
}
