//! What came of a run: its evaluation and its route, as far as the console shows them.
//!
//! Both documents belong to other functions. The console reads the few fields it shows, each
//! optional, so that a newer writer cannot break a page.

use serde::{Deserialize, Serialize};
use shared::{google::documents::Document, id::RunId};

/// The document `evaluations/{run}`, written by `evaluate`.
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

impl Document for Evaluation {
    const COLLECTION: &'static str = "evaluations";
}

impl Evaluation {
    /// The verdict in plain words; one that the console does not know stands as it is.
    pub(crate) fn words(&self) -> &str {
        match self.verdict.as_str() {
            "better" => "better than the base",
            "not_worse" => "not worse than the base",
            "worse" => "worse than the base",
            "cannot_tell" => "cannot tell yet",
            "" => "no verdict",
            other => other,
        }
    }
}

/// The document `routes/{model}`, written by `deploy`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    /// The tuned model that answers; absent: the base model does.
    pub(crate) target: Option<Target>,
}

/// A tuned model that answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Target {
    /// The run that made it.
    pub(crate) run: String,
}

impl Document for Route {
    const COLLECTION: &'static str = "routes";
}

impl Route {
    /// Whether it leads to the model of `run`.
    pub(crate) fn serves(&self, run: &RunId) -> bool {
        let target = self.target.as_ref();
        target.is_some_and(|target| target.run == run.as_str())
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
        let route: Route = serde_json::from_str(r#"{"version": 3}"#).unwrap();
        assert_eq!(route.target, None);
    }
}
