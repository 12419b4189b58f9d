//! What `lapidary score` prints of one model, or of a model and those that it is compared with.

use scores::{
    metric::CorpusScore,
    offline::{self, MetricDifference, OfflineComparison},
};
use serde::Serialize;

use super::{
    Metrics,
    rows::{Answers, ScoredRows},
};
use crate::table::{Align, TextTable};

/// The JSON. Fields are only ever added; `functions/evaluate/scores/README.md` lists them.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ScoreReport {
    /// There is a model to compare with.
    Comparison(Box<ScoredSide>),
    /// There is only one.
    Score(Score),
}

/// A comparison with one model, and with the baseline too where that is another.
#[derive(Debug, Serialize)]
pub(super) struct ScoredSide {
    /// `serving` or `baseline`.
    pub(super) against: &'static str,
    /// Why this metric decides.
    pub(super) metric_reason: String,
    #[serde(flatten)]
    pub(super) comparison: OfflineComparison,
    /// The comparison with the baseline, where the verdict is against the serving model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<OfflineComparison>,
}

/// The scores of one model.
#[derive(Debug, Serialize)]
pub(super) struct Score {
    verdict: Option<()>,
    metric: &'static str,
    metric_reason: String,
    rows: usize,
    asked: usize,
    tuned: f64,
    metrics: Vec<MetricScore>,
}

/// One metric of one model.
#[derive(Debug, Serialize)]
struct MetricScore {
    name: &'static str,
    rows: usize,
    tuned: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tuned_corpus: Vec<CorpusScore>,
}

/// No row has an answer of each model, and a reference that the metric can measure.
#[derive(Debug, thiserror::Error)]
#[error("no row can be measured with `{0}`")]
pub(super) struct NothingMeasured(pub(super) &'static str);

impl ScoreReport {
    /// Compares the model in question with the serving one, or else with the baseline.
    pub(super) fn of(
        rows: &ScoredRows,
        metrics: &Metrics,
        margin: f64,
    ) -> Result<Self, NothingMeasured> {
        let nothing = || NothingMeasured(metrics.choice.metric.name());
        let compare = |base: &Answers| {
            let pairs = rows.pairs(base, &rows.predictions);
            offline::compare(&metrics.all, &pairs, margin).ok_or_else(nothing)
        };
        let metric_reason = metrics.choice.reason.clone();
        let (against, comparison, baseline) = match (&rows.serving, &rows.baseline) {
            (Some(serving), baseline) => {
                let baseline = baseline.as_ref().map(compare).transpose()?;
                ("serving", compare(serving)?, baseline)
            }
            (None, Some(baseline)) => ("baseline", compare(baseline)?, None),
            (None, None) => {
                let same = compare(&rows.predictions)?;
                return Ok(Self::Score(Score::of(same, metric_reason)));
            }
        };
        Ok(Self::Comparison(Box::new(ScoredSide {
            against,
            metric_reason,
            comparison,
            baseline,
        })))
    }

    /// The report in words.
    pub(super) fn render(&self) -> String {
        match self {
            Self::Comparison(side) => side.render(),
            Self::Score(score) => score.render(),
        }
    }
}

impl Score {
    /// The model in question, from a comparison with itself.
    fn of(same: OfflineComparison, metric_reason: String) -> Self {
        let metric = |found: MetricDifference| MetricScore {
            name: found.name,
            rows: found.rows,
            tuned: found.tuned,
            tuned_corpus: found.tuned_corpus,
        };
        Self {
            verdict: None,
            metric: same.metric,
            metric_reason,
            rows: same.rows,
            asked: same.asked,
            tuned: same.tuned,
            metrics: same.metrics.into_iter().map(metric).collect(),
        }
    }

    fn render(&self) -> String {
        let mut table = TextTable::new(&[
            ("metric", Align::Left),
            ("rows", Align::Right),
            ("score", Align::Right),
        ]);
        for metric in &self.metrics {
            let cells = [
                metric.name.to_owned(),
                metric.rows.to_string(),
                format!("{:.4}", metric.tuned),
            ];
            table.row_with_notes(cells, corpus_lines("", &metric.tuned_corpus));
        }
        let (metric, reason) = (self.metric, &self.metric_reason);
        let (asked, rows) = (self.asked, self.rows);
        format!(
            "Metric: {metric}, since {reason}\nRows: {asked} of {rows}\n{}",
            table.render()
        )
    }
}

impl ScoredSide {
    fn render(&self) -> String {
        let comparison = &self.comparison;
        let mut table = TextTable::new(&[
            ("metric", Align::Left),
            ("rows", Align::Right),
            (self.against, Align::Right),
            ("tuned", Align::Right),
            ("difference", Align::Right),
            ("95 % interval", Align::Left),
            ("wins/ties/losses", Align::Right),
        ]);
        for metric in &comparison.metrics {
            let mut notes = corpus_lines(self.against, &metric.base_corpus);
            notes.extend(corpus_lines("tuned", &metric.tuned_corpus));
            table.row_with_notes(cells(metric), notes);
        }
        let mut text = format!(
            "Verdict against the {} model: {}\nMetric: {}, since {}\n{}",
            self.against,
            comparison.reason,
            comparison.metric,
            self.metric_reason,
            table.render(),
        );
        if let Some(baseline) = &self.baseline {
            text.push_str("Against the baseline: ");
            text.push_str(&baseline.reason);
            text.push('\n');
        }
        text
    }
}

fn cells(metric: &MetricDifference) -> [String; 7] {
    let interval = match (metric.low, metric.high) {
        (Some(low), Some(high)) => format!("{low:+.4} to {high:+.4}"),
        _ => String::new(),
    };
    [
        metric.name.to_owned(),
        metric.rows.to_string(),
        format!("{:.4}", metric.base),
        format!("{:.4}", metric.tuned),
        format!("{:+.4}", metric.difference),
        interval,
        format!("{}/{}/{}", metric.wins, metric.ties, metric.losses),
    ]
}

/// Numbers over all rows, with their signatures.
fn corpus_lines(side: &str, scores: &[CorpusScore]) -> Vec<String> {
    let line = |score: &CorpusScore| {
        let CorpusScore {
            name,
            value,
            signature,
        } = score;
        format!("{side} {name} {value:.4} {signature}")
            .trim()
            .to_owned()
    };
    scores.iter().map(line).collect()
}
