//! Base against tuned, row by row: the result of an evaluation.
//!
//! Both models answer the same rows, so their scores are compared in pairs, which removes the difficulty of the rows from the
//! difference. No number here can be NaN or infinite: every mean is over at least one row.

mod bootstrap;
mod primary;
mod side;
mod verdict;

use shared::evaluation::{Comparison, CorpusBleu, Evaluation, Integrity, SCHEMA, Verdict};

use crate::{
    answer::ModelAnswer,
    metric::Metric,
    metrics::{METRICS, bleu, scored},
};

/// One row with both answers.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The expected answer, from the dataset.
    pub reference: &'a str,
    /// What the base model replied.
    pub base: &'a ModelAnswer,
    /// What the tuned model replied.
    pub tuned: &'a ModelAnswer,
}

/// How the verdict is reached.
#[derive(Clone, Copy, Debug)]
pub struct VerdictRules {
    /// The largest loss that still counts as not worse, on the scale from 0 to 1. Half a row in 25.
    pub margin: f64,
    /// Resamples of the bootstrap. With 10,000 the ends of a 95 % interval vary by about a hundredth of its width.
    pub resamples: u32,
    /// Seed of the bootstrap. Fixed, so that the same answers give the same verdict.
    pub seed: u64,
}

impl Default for VerdictRules {
    fn default() -> Self {
        Self {
            margin: 0.02,
            resamples: 10_000,
            seed: 1,
        }
    }
}

/// Scores every row on every metric, and reaches a verdict. `sample` is the digest of the rows
/// ([`crate::sample::RowSample::digest`]). CPU-bound, up to seconds for long answers: call it from a blocking thread.
pub fn compare(cases: &[Case<'_>], sample: &str, rules: &VerdictRules) -> Evaluation {
    let measured: Vec<Measured> = METRICS
        .iter()
        .filter_map(|metric| measure(*metric, cases, rules))
        .collect();
    let primary = primary::choose(cases.iter().map(|case| case.reference));
    let deciding = measured
        .iter()
        .find(|measured| measured.comparison.name == primary);
    let judgement = verdict::judge(deciding, rules.margin);
    Evaluation {
        schema: SCHEMA,
        sample: sample.to_owned(),
        rows: cases.len() as u64,
        integrity: Integrity::default(),
        verdict: judgement.verdict,
        reason: judgement.reason,
        more_rows_needed: judgement.more_rows_needed,
        margin: rules.margin,
        primary: deciding.map(|measured| measured.comparison.name.clone()),
        corpus_bleu: CorpusBleu {
            base: bleu::corpus(
                cases
                    .iter()
                    .map(|case| (scored(&case.base.text), scored(case.reference))),
            ),
            tuned: bleu::corpus(
                cases
                    .iter()
                    .map(|case| (scored(&case.tuned.text), scored(case.reference))),
            ),
        },
        base: side::of(cases.iter().map(|case| case.base)),
        tuned: side::of(cases.iter().map(|case| case.tuned)),
        metrics: measured
            .into_iter()
            .map(|measured| measured.comparison)
            .collect(),
    }
}

/// The result where a model could not be asked: no score of the other one says anything.
pub fn undecided(sample: &str, integrity: Integrity) -> Evaluation {
    Evaluation {
        schema: SCHEMA,
        sample: sample.to_owned(),
        verdict: Verdict::Undecided,
        reason: integrity.reason(),
        integrity,
        ..Evaluation::default()
    }
}

/// A comparison, and the deviation that only the verdict needs.
struct Measured {
    comparison: Comparison,
    /// Standard deviation of the differences between rows.
    deviation: f64,
}

fn measure(metric: &dyn Metric, cases: &[Case<'_>], rules: &VerdictRules) -> Option<Measured> {
    let scores: Vec<(f64, f64)> = cases
        .iter()
        .filter(|case| metric.applies(scored(case.reference)))
        .map(|case| {
            (
                case.base.score(metric, case.reference),
                case.tuned.score(metric, case.reference),
            )
        })
        .collect();
    let differences: Vec<f64> = scores.iter().map(|(base, tuned)| tuned - base).collect();
    let base_mean = mean(scores.iter().map(|(base, _)| *base))?;
    let tuned_mean = mean(scores.iter().map(|(_, tuned)| *tuned))?;
    let difference = mean(differences.iter().copied())?;
    let (low, high) = bootstrap::interval(&differences, rules.resamples, rules.seed)?;
    // Scores of the same text are equal to the bit, so a tie needs no tolerance.
    let tally = |sign| {
        differences
            .iter()
            .filter(|difference| difference.total_cmp(&0.0) == sign)
            .count() as u64
    };
    Some(Measured {
        deviation: mean(differences.iter().map(|one| (one - difference).powi(2)))?.sqrt(),
        comparison: Comparison {
            name: metric.name().to_owned(),
            rows: differences.len() as u64,
            base_mean,
            tuned_mean,
            difference,
            low,
            high,
            wins: tally(std::cmp::Ordering::Greater),
            ties: tally(std::cmp::Ordering::Equal),
            losses: tally(std::cmp::Ordering::Less),
        },
    })
}

/// `None` without rows.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let rows = values.len();
    (rows > 0).then(|| values.sum::<f64>() / count(rows))
}

#[expect(clippy::cast_precision_loss, reason = "at most a few thousand rows")]
fn count(rows: usize) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests;
