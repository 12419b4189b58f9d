//! The verdict on files of predictions: every row is paid for already, so all of them are compared at once, by
//! an exact test, and nothing is asked one by one.

mod interval;

use serde::Serialize;

use crate::{
    comparison::{
        THRESHOLD,
        coin::rows_for_even_chance,
        fixed::{self, Direction},
        not_worse::{self, Tally},
        outlook::rows_for_scores,
        pseudo_row,
    },
    metric::{CorpusScore, Metric, ScoreScale, count},
    scoring::score_all,
};

/// The share of the rows without a prediction above which nothing follows, in per cent. A prediction that is
/// absent is not a wrong one.
const MISSING_PERCENT_MAX: usize = 2;

/// What follows. The order of the variants is that in which claims go before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OfflineVerdict {
    /// Predictions are missing: nothing follows.
    Undecided,
    /// It scores lower, also where that is within the margin.
    Worse,
    /// It scores higher.
    Better,
    /// It scores at most the margin lower.
    NotWorse,
    /// Nothing is proven.
    CannotTell,
}

/// A row with the predictions of two models; absent where a file has none for it.
#[derive(Debug, Clone, Copy)]
pub struct OfflineRow<'a> {
    /// The expected answer.
    pub reference: &'a str,
    /// What the model in question answered.
    pub tuned: Option<&'a str>,
    /// What the model that it is compared with answered.
    pub base: Option<&'a str>,
}

/// One metric over all rows that it can measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricDifference {
    /// Of the metric.
    pub name: &'static str,
    /// Rows measured.
    pub rows: usize,
    /// Mean score of the model that is compared with, 0 to 1.
    pub base: f64,
    /// Mean score of the model in question, 0 to 1.
    pub tuned: f64,
    /// `tuned` less `base`.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference; absent for metrics that do not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Rows on which the model in question scores higher.
    pub wins: usize,
    /// Rows on which both score the same.
    pub ties: usize,
    /// Rows on which it scores lower.
    pub losses: usize,
    /// Numbers over all rows at once, of the model compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub base_corpus: Vec<CorpusScore>,
    /// The same of the model in question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuned_corpus: Vec<CorpusScore>,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfflineComparison {
    /// What follows.
    pub verdict: OfflineVerdict,
    /// The metric that decides.
    pub metric: &'static str,
    /// Rows with a reference.
    pub rows: usize,
    /// Rows with both predictions: those that are compared.
    pub asked: usize,
    /// Mean score of the side that is compared with, on the metric that decides: the base model, or the one that serves.
    pub base: f64,
    /// Mean score of the model in question.
    pub tuned: f64,
    /// `tuned` less `base`.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The largest loss that counts as not worse.
    pub margin: f64,
    /// The verdict in words.
    pub reason: String,
    /// About how many more rows would decide, if what was seen is the truth; absent where nothing is open.
    pub more_rows_needed: Option<usize>,
    /// Every metric, the one that decides first.
    pub metrics: Vec<MetricDifference>,
}

/// Compares two models on `metrics`, the first of which decides. `None` without a row that the deciding metric
/// can measure.
pub fn compare(
    metrics: &[&'static dyn Metric],
    rows: &[OfflineRow<'_>],
    margin: f64,
) -> Option<OfflineComparison> {
    let asked: Vec<(&str, &str, &str)> = rows
        .iter()
        .filter_map(|row| Some((row.reference, row.base?, row.tuned?)))
        .collect();
    let (deciding, others) = metrics.split_first()?;
    let measured = differences(*deciding, &asked)?;
    let is_missing = (rows.len() - asked.len()) * 100 > rows.len() * MISSING_PERCENT_MAX;
    let judgement = judge(*deciding, &measured, margin);
    let (verdict, reason, more_rows_needed) = if is_missing {
        let missing = rows.len() - asked.len();
        let reason = format!(
            "undecided: {missing} of {} rows have no prediction of one model",
            rows.len()
        );
        (OfflineVerdict::Undecided, reason, None)
    } else {
        (judgement.verdict, judgement.reason, judgement.more_rows)
    };
    let shown = MetricDifference {
        low: Some(judgement.low),
        high: Some(judgement.high),
        ..measured.shown
    };
    let (base, tuned, difference) = (shown.base, shown.tuned, shown.difference);
    let others = others
        .iter()
        .filter_map(|metric| Some(differences(*metric, &asked)?.shown));
    Some(OfflineComparison {
        verdict,
        metric: deciding.name(),
        rows: rows.len(),
        asked: asked.len(),
        base,
        tuned,
        difference,
        low: judgement.low,
        high: judgement.high,
        margin,
        reason,
        more_rows_needed,
        metrics: std::iter::once(shown).chain(others).collect(),
    })
}

/// The differences of all rows, and their summary.
struct Measured {
    differences: Vec<f64>,
    shown: MetricDifference,
}

/// `None` without a row that the metric can measure.
fn differences(metric: &'static dyn Metric, asked: &[(&str, &str, &str)]) -> Option<Measured> {
    let rows = asked
        .iter()
        .filter(|(reference, _, _)| metric.applies(reference));
    let (base, tuned): (Vec<_>, Vec<_>) = rows
        .map(|(reference, base, tuned)| ((*base, *reference), (*tuned, *reference)))
        .unzip();
    let scores = |pairs: &[(&str, &str)]| score_all(&[metric], pairs).pop().unwrap_or_default();
    let (base_scores, tuned_scores) = (scores(&base), scores(&tuned));
    let differences: Vec<f64> = tuned_scores
        .iter()
        .zip(&base_scores)
        .map(|(a, b)| a - b)
        .collect();
    if differences.is_empty() {
        return None;
    }
    // Scores of the same text are equal to the bit, so a tie needs no tolerance.
    let tally = |sign| {
        let signs = differences
            .iter()
            .map(|difference| difference.total_cmp(&0.0));
        signs.filter(|found| *found == sign).count()
    };
    let (wins, losses) = (
        tally(std::cmp::Ordering::Greater),
        tally(std::cmp::Ordering::Less),
    );
    let rows = differences.len();
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / count(rows);
    let shown = MetricDifference {
        name: metric.name(),
        rows,
        base: mean(&base_scores),
        tuned: mean(&tuned_scores),
        difference: mean(&differences),
        low: None,
        high: None,
        wins,
        ties: rows - wins - losses,
        losses,
        base_corpus: metric.corpus(&base),
        tuned_corpus: metric.corpus(&tuned),
    };
    Some(Measured { differences, shown })
}

/// A verdict with its interval.
struct Judged {
    verdict: OfflineVerdict,
    low: f64,
    high: f64,
    reason: String,
    more_rows: Option<usize>,
}

fn judge(metric: &dyn Metric, measured: &Measured, margin: f64) -> Judged {
    let MetricDifference {
        rows, wins, losses, ..
    } = measured.shown;
    let differences = &measured.differences;
    let (direction, is_not_worse, (low, high)) = match metric.scale() {
        ScoreScale::Binary => (
            fixed::of_counts(wins, losses),
            not_worse::is_not_worse(Tally { wins, losses, rows }, margin),
            interval::of_counts(wins, losses, rows),
        ),
        ScoreScale::Graded => (
            fixed::of_scores(differences),
            pseudo_row::chance_below(differences, -margin) <= not_worse::ERROR_AT_END,
            interval::of_scores(differences),
        ),
    };
    let verdict = match direction {
        Some(Direction::Worse) => OfflineVerdict::Worse,
        Some(Direction::Better) => OfflineVerdict::Better,
        None if is_not_worse => OfflineVerdict::NotWorse,
        None => OfflineVerdict::CannotTell,
    };
    let total = match (verdict, metric.scale()) {
        (OfflineVerdict::CannotTell, ScoreScale::Binary) => {
            rows_for_even_chance(wins, losses, rows, THRESHOLD)
        }
        (OfflineVerdict::CannotTell, ScoreScale::Graded) => rows_for_scores(differences),
        (_, ScoreScale::Binary | ScoreScale::Graded) => None,
    };
    let more_rows = total.map(|total| total.saturating_sub(rows).max(1));
    Judged {
        verdict,
        low,
        high,
        reason: reason(metric, measured, verdict, more_rows),
        more_rows,
    }
}

fn reason(
    metric: &dyn Metric,
    measured: &Measured,
    verdict: OfflineVerdict,
    more_rows: Option<usize>,
) -> String {
    let MetricDifference {
        base,
        tuned,
        rows,
        wins,
        losses,
        ..
    } = measured.shown;
    let test = match metric.scale() {
        ScoreScale::Binary => format!("sign test p = {:.2e}", fixed::sign_test(wins, losses)),
        ScoreScale::Graded => "mean bound at 97.5 % a side".to_owned(),
    };
    let claim = match verdict {
        OfflineVerdict::Undecided => "undecided",
        OfflineVerdict::Worse => "worse",
        OfflineVerdict::Better => "better",
        OfflineVerdict::NotWorse => "not worse",
        OfflineVerdict::CannotTell => "cannot tell",
    };
    let open = match (verdict, more_rows) {
        (OfflineVerdict::CannotTell, Some(more)) => {
            format!("; about {more} more rows would decide")
        }
        (OfflineVerdict::CannotTell, None) => "; too close for more rows to decide".to_owned(),
        _ => String::new(),
    };
    format!(
        "{claim}: {} {tuned:.3} against {base:.3} on {rows} rows, {wins} better and {losses} worse ({test}){open}",
        metric.name(),
    )
}

#[cfg(test)]
mod tests;
