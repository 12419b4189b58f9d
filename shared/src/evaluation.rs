//! An evaluation: what `evaluate` stores of a comparison, and `deploy`, the console and the command
//! line read.
//!
//! Fields are only ever added, and each has a default, so that a reader of another version can still
//! show a document.

mod detail;
mod integrity;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    detail::{ConstantAnswer, EvaluationDetail, LengthBias, PairScore, SliceScore},
    integrity::{Asked, Integrity, NOT_ASKED_PERCENT_MAX, Pending},
};

use crate::{google::documents::Document, id::RunId, route::Evidence};

/// The version of [`Evaluation`] as stored. Raised when a reader of the old shape would misread the
/// new one.
pub const SCHEMA: u32 = 1;

/// The document `evaluations/{run}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// The run.
    pub run: RunId,
    /// The base model's resource name.
    pub base: String,
    /// The endpoint of the tuned one.
    pub tuned: String,
    /// The result.
    pub evaluation: Evaluation,
    /// Whether the result is final. `watch` looks for those that are not.
    #[serde(default = "decided")]
    pub decided: bool,
    /// When models that could not be asked are asked again; absent where the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Rows that a person had asked after a verdict had left it open, each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<AddedRows>,
    /// The folder of its report for people, in the bucket of evaluations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Rows that are asked after the planned ones had proven too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedRows {
    /// How many, in addition to all before.
    pub rows: u64,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Documents from before evaluations could be undecided are final.
fn decided() -> bool {
    true
}

impl EvaluationRecord {
    /// The same with `rows` more rows to ask, from `now` on. `None` where more rows lead to nothing: the models are
    /// asked already, or the verdict stands.
    pub fn with_more_rows(&self, rows: u64, now: DateTime<Utc>) -> Option<Self> {
        if !self.decided || !self.evaluation.is_open() {
            return None;
        }
        let mut more = self.clone();
        more.added.push(AddedRows { rows, at: now });
        more.decided = false;
        more.pending = Some(Pending::due(now));
        Some(more)
    }

    /// Whether a message about its run has nothing to do now: models are asked again later.
    pub fn waits(&self, now: DateTime<Utc>) -> bool {
        !self.decided && self.pending.as_ref().is_some_and(|wait| !wait.is_due(now))
    }
}

impl Document for EvaluationRecord {
    const COLLECTION: &'static str = "evaluations";

    fn query_fields(&self) -> Vec<(&'static str, String)> {
        // The evaluations of the same rows are found by it.
        vec![("sample", self.evaluation.sample.clone())]
    }
}

/// The result of a comparison of a tuned model with its base, on the same rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evaluation {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// Digest of the rows asked. Only evaluations of the same rows can be compared with each other.
    pub sample: String,
    /// Rows compared: those that every model answered. Empty and blocked answers are among them.
    pub rows: u64,
    /// How far each model could be asked.
    pub integrity: Integrity,
    /// Which comparison with these rows it is, from 1; 0 where that was not counted.
    pub comparison: u64,
    /// Rows that a fixed plan would have asked: asking stops when something is proven.
    pub planned: u64,
    /// Rows after which it was proven; absent where it was at the planned end, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_after: Option<u64>,
    /// The least difference that the planned rows show in four cases of five, where rows are right or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detectable: Option<f64>,
    /// The comparison with the tuned model that served, where one did: the gate looks at this first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serving: Option<AgainstServing>,
    /// What follows, on the primary metric.
    pub verdict: Verdict,
    /// The same in plain words, numbers included.
    pub reason: String,
    /// About how many more rows would decide what is still open: whether the model is worse, or,
    /// if it is not worse, whether it is better. Absent where nothing is open, or where no number of
    /// rows is likely to help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_rows_needed: Option<u64>,
    /// How much less still counts as not worse, in points of the scale 0 to 1.
    pub margin: f64,
    /// Name of the metric that decides; one of `metrics`, absent only if there is no row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// Why that metric decides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metric_reason: String,
    /// Every metric that could measure at least one row.
    pub metrics: Vec<Comparison>,
    /// BLEU over all rows at once, 0 to 100, as papers report it.
    pub corpus_bleu: CorpusBleu,
    /// What lies behind the verdict.
    pub detail: EvaluationDetail,
    /// A summary of the base model's answers.
    pub base: Side,
    /// A summary of the tuned model's answers.
    pub tuned: Side,
}

impl Evaluation {
    /// The comparison that decides.
    pub fn primary(&self) -> Option<&Comparison> {
        self.metrics
            .iter()
            .find(|metric| Some(&metric.name) == self.primary.as_ref())
    }

    /// Whether more rows may prove more than is proven, against the base model or the one that serves.
    pub fn is_open(&self) -> bool {
        let serving = self.serving.as_ref().map(|serving| &serving.verdict);
        let is_open =
            |verdict: &Verdict| matches!(verdict, Verdict::CannotTell | Verdict::NotWorse);
        [&self.verdict].into_iter().chain(serving).any(is_open)
    }

    /// The verdict against the tuned model that served, or against the base model where none did.
    pub fn against_what_served(&self) -> &Verdict {
        let serving = self.serving.as_ref();
        serving.map_or(&self.verdict, |serving| &serving.verdict)
    }

    /// The tuned model's score on the metric that decides: stored with the route, for comparison
    /// with the next model.
    pub fn evidence(&self) -> Option<Evidence> {
        let primary = self.primary()?;
        Some(Evidence {
            metric: primary.name.clone(),
            sample: self.sample.clone(),
            tuned_mean: primary.tuned_mean,
            verdict: Some(self.against_what_served().as_str().to_owned()),
        })
    }
}

/// The comparison with the model that serves, on the same rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgainstServing {
    /// The run that made it.
    pub run: String,
    /// Its endpoint.
    pub endpoint: String,
    /// What follows, on the primary metric.
    pub verdict: Verdict,
    /// The same in plain words.
    pub reason: String,
    /// Its mean score.
    pub mean: f64,
    /// A summary of its answers.
    pub side: Side,
}

/// How the tuned model compares with the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Verdict {
    /// It is proven to score higher.
    Better,
    /// It is proven to score at most the margin lower.
    NotWorse,
    /// It is proven to score lower, also where that is within the margin.
    Worse,
    /// None of these is proven.
    CannotTell,
    /// A guardrail or a cap failed, such as many more answers without text, whatever the scores.
    RuledOut,
    /// A model could not be asked: nothing follows, and it is asked again.
    Undecided,
    /// A verdict that this version does not know, as it is written. It promotes nothing.
    Other(String),
}

impl Default for Verdict {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Verdict {
    /// The name in documents.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Better => "better",
            Self::NotWorse => "not_worse",
            Self::Worse => "worse",
            Self::CannotTell => "cannot_tell",
            Self::RuledOut => "ruled_out",
            Self::Undecided => "undecided",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Verdict {
    fn from(name: String) -> Self {
        match name.as_str() {
            "better" => Self::Better,
            "not_worse" => Self::NotWorse,
            "worse" => Self::Worse,
            "cannot_tell" => Self::CannotTell,
            // Its name up to 0.3.
            "ruled_out" | "no" => Self::RuledOut,
            "undecided" => Self::Undecided,
            _ => Self::Other(name),
        }
    }
}

impl From<Verdict> for String {
    fn from(verdict: Verdict) -> Self {
        verdict.as_str().to_owned()
    }
}

/// One metric over all rows that it can measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Of the metric.
    pub name: String,
    /// Rows measured: at least 1.
    pub rows: u64,
    /// Mean score of the base model, 0 to 1.
    pub base_mean: f64,
    /// Mean score of the tuned model, 0 to 1.
    pub tuned_mean: f64,
    /// Tuned less base: positive is better.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Rows on which the tuned model scores higher.
    pub wins: u64,
    /// Rows on which both score the same.
    pub ties: u64,
    /// Rows on which the base model scores higher.
    pub losses: u64,
}

/// Corpus BLEU of both, 0 to 100. A failure is an empty answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorpusBleu {
    /// Of the base model.
    pub base: f64,
    /// Of the tuned model.
    pub tuned: f64,
}

/// Counts over the answers of one model. The outcomes add up to the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// Answers that ended by themselves, with text.
    pub answered: u64,
    /// Answers cut at the token limit; scored as they are.
    pub truncated: u64,
    /// Refused by a filter.
    pub blocked: u64,
    /// Answers without text.
    pub empty: u64,
    /// Replies that the service marks as broken, such as `MALFORMED_FUNCTION_CALL`.
    pub failed: u64,
    /// Blocked, empty and failed together: rows that score 0.
    pub failures: u64,
    /// Median latency of answers; absent if there is none. Failed calls are left out: their latency is the time-out of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p50_ms: Option<u64>,
    /// 95th percentile, by nearest rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p95_ms: Option<u64>,
    /// Sum over all rows.
    pub input_tokens: u64,
    /// Sum over all rows, thoughts included.
    pub output_tokens: u64,
    /// The part of them that are thoughts.
    pub thought_tokens: u64,
    /// What a thousand requests like these cost, in US dollars; absent where the model has no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_per_thousand: Option<f64>,
    /// Mean length of its answers in characters: scores of texts may reward length alone.
    pub mean_chars: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_another_version_is_read() {
        let text = r#"{"verdict": "splendid", "schema": 9, "extra": {"x": 1}}"#;
        let evaluation: Evaluation = serde_json::from_str(text).unwrap();
        assert_eq!(evaluation.verdict, Verdict::Other("splendid".to_owned()));
        let written = serde_json::to_value(&evaluation).unwrap();
        assert_eq!(written["verdict"], "splendid");
    }

    #[test]
    fn rows_are_added_only_where_they_may_prove_more() {
        let now = DateTime::UNIX_EPOCH;
        let record = |verdict: &str, decided: bool| -> EvaluationRecord {
            serde_json::from_value(serde_json::json!({
                "run": "a-b-c", "base": "b", "tuned": "t", "evaluation": {"verdict": verdict},
                "decided": decided, "at": now,
            }))
            .unwrap()
        };
        for (verdict, decided, is_more) in [
            ("cannot_tell", true, true),
            ("not_worse", true, true),
            ("cannot_tell", false, false),
            ("better", true, false),
            ("worse", true, false),
            ("ruled_out", true, false),
        ] {
            let more = record(verdict, decided).with_more_rows(50, now);
            assert_eq!(more.is_some(), is_more, "{verdict}");
        }
        let more = record("cannot_tell", true).with_more_rows(50, now).unwrap();
        assert!(!more.decided && !more.waits(now), "it is due at once");
        assert_eq!(more.added, [AddedRows { rows: 50, at: now }]);
        assert_eq!(more.with_more_rows(50, now), None, "one after the other");
    }

    #[test]
    fn a_verdict_is_written_as_it_is_read() {
        for name in [
            "better",
            "not_worse",
            "worse",
            "cannot_tell",
            "ruled_out",
            "undecided",
        ] {
            let verdict = Verdict::from(name.to_owned());
            assert!(!matches!(verdict, Verdict::Other(_)), "{name}");
            assert_eq!(verdict.as_str(), name);
        }
        assert_eq!(Verdict::from("no".to_owned()), Verdict::RuledOut);
    }
}
