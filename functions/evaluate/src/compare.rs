//! Two models compared row by row: the result of an evaluation.
//!
//! All models answer the same rows, so their scores are compared in pairs, which removes the difficulty of the rows from the
//! difference. No number here can be NaN or infinite: every mean is over at least one row.

mod caps;
mod detail;
mod side;
mod verdict;

pub use self::caps::PriceCaps;

use scores::{
    comparison::{
        bets::{self, StakeWeights},
        outlook,
        sequential::RowScoreKind,
    },
    metric::Metric,
    metrics::{SHOWN, bleu::BleuSettings, scored},
};
use shared::evaluation::{
    AgainstServing, Comparison, CorpusBleu, Evaluation, Integrity, SCHEMA, Verdict,
};

use crate::answer::ModelAnswer;

/// The share of rows on which two models are taken to differ before anything was seen.
const DISCORDANCE: f64 = 0.25;

/// One row with the answers of two models.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// Digest of the row.
    pub row: &'a str,
    /// The expected answer, from the dataset.
    pub reference: &'a str,
    /// What the base model replied, or the one that serves.
    pub base: &'a ModelAnswer,
    /// What the tuned model replied.
    pub tuned: &'a ModelAnswer,
    /// Whether the row was added after a first verdict had left it open.
    pub is_added: bool,
}

impl Case<'_> {
    /// The score of the tuned model less that of the other.
    fn difference(&self, metric: &dyn Metric) -> f64 {
        self.tuned.score(metric, self.reference) - self.base.score(metric, self.reference)
    }
}

/// How the verdict is reached: decided before the first answer is seen.
#[derive(Clone, Copy, Debug)]
pub struct VerdictRules {
    /// The largest loss that still counts as not worse, on the scale from 0 to 1. Half a row in 25.
    pub margin: f64,
    /// Rows that are asked at most, without those that were added; absent where all that can be asked were.
    pub planned: Option<usize>,
    /// Rows that were added to them after a first verdict: they need more evidence.
    pub added: usize,
    /// Whether the recipe asks for no more than "not worse".
    pub accepts_not_worse: bool,
    /// Which comparison with these rows it is, from 1; 0 where that is not known.
    pub comparison: u64,
    /// Longest latency that one in twenty answers may pass, in milliseconds; absent: any.
    pub latency_max_ms: Option<u64>,
    /// How many times as long as the other model's most answers may take; absent: any.
    pub latency_ratio_max: Option<f64>,
}

/// From this comparison with the same rows on the evidence must be ten times as strong: the model that serves was
/// chosen because it was lucky on them, and so may the candidate be.
const COMPARISONS_EASY: u64 = 10;

impl VerdictRules {
    /// For how many comparisons together the error of 5 % is.
    fn comparisons(&self) -> usize {
        if self.comparison < COMPARISONS_EASY {
            1
        } else {
            10
        }
    }
}

impl Default for VerdictRules {
    fn default() -> Self {
        Self {
            margin: 0.02,
            planned: None,
            added: 0,
            accepts_not_worse: false,
            comparison: 0,
            latency_max_ms: None,
            latency_ratio_max: None,
        }
    }
}

/// Whether more rows need not be asked: something is proven, or will hardly be.
pub fn is_over(metric: &dyn Metric, cases: &[Case<'_>], rules: &VerdictRules) -> bool {
    verdict::follow(metric, cases, rules).is_over()
}

/// Scores every row on the metrics that are shown, and reaches a verdict on `deciding`. `sample` is the digest of the rows
/// ([`crate::sample::RowSample::digest`]). CPU-bound, up to seconds for long answers: call it from a blocking thread.
pub fn compare(
    deciding: &dyn Metric,
    cases: &[Case<'_>],
    sample: &str,
    rules: &VerdictRules,
) -> Evaluation {
    let is_other = |metric: &&&dyn Metric| metric.name() != deciding.name();
    let others = SHOWN.iter().filter(is_other).copied();
    let metrics: Vec<Comparison> = std::iter::once(deciding)
        .chain(others)
        .filter_map(|metric| measure(metric, cases))
        .collect();
    let detail = detail::of(deciding, cases);
    let mut judgement = verdict::judge(deciding, cases, rules, "its base model");
    let primary = metrics
        .iter()
        .find(|measured| measured.name == deciding.name());
    let tuned_mean = primary.map_or(0.0, |primary| primary.tuned_mean);
    let matched = detail::no_better_than_constant(detail.constant.as_ref(), tuned_mean);
    if let Some(reason) = matched.filter(|_| judgement.verdict == Verdict::Better) {
        judgement.verdict = Verdict::CannotTell;
        judgement.reason = reason;
    }
    let latencies = cases.iter().map(|case| case.tuned.latency_ms);
    let latencies: Vec<u64> = latencies.collect();
    let cap = rules.latency_max_ms;
    if let Some(reason) = cap.and_then(|cap| caps::too_slow(&latencies, cap)) {
        judgement.verdict = Verdict::RuledOut;
        judgement.reason = reason;
    }
    let bleu = |answer: for<'a> fn(&Case<'a>) -> &'a str| {
        let pairs = cases
            .iter()
            .map(|case| (scored(answer(case)), scored(case.reference)));
        BleuSettings::default().corpus(&pairs.collect::<Vec<_>>())
    };
    Evaluation {
        schema: SCHEMA,
        sample: sample.to_owned(),
        rows: cases.len() as u64,
        verdict: judgement.verdict,
        reason: judgement.reason,
        more_rows_needed: judgement.more_rows_needed,
        stopped_after: judgement.stopped_after,
        detectable: primary.and_then(|primary| detectable(deciding, primary, rules)),
        margin: rules.margin,
        comparison: rules.comparison,
        primary: primary.map(|primary| primary.name.clone()),
        corpus_bleu: CorpusBleu {
            base: bleu(|case| &case.base.text),
            tuned: bleu(|case| &case.tuned.text),
        },
        detail,
        base: side::of(cases.iter().map(|case| case.base)),
        tuned: side::of(cases.iter().map(|case| case.tuned)),
        metrics,
        ..Evaluation::default()
    }
}

/// The comparison with the model that serves: `base` of each case is its answer.
pub fn against_serving(
    deciding: &dyn Metric,
    cases: &[Case<'_>],
    rules: &VerdictRules,
) -> AgainstServing {
    let judgement = verdict::judge(deciding, cases, rules, "the model that serves");
    AgainstServing {
        verdict: judgement.verdict,
        reason: judgement.reason,
        mean: measure(deciding, cases).map_or(0.0, |measured| measured.base_mean),
        side: side::of(cases.iter().map(|case| case.base)),
        ..AgainstServing::default()
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

/// The least difference that the planned rows show, from the share of rows that differ.
fn detectable(deciding: &dyn Metric, primary: &Comparison, rules: &VerdictRules) -> Option<f64> {
    if verdict::kind(deciding) == RowScoreKind::Scores {
        return None;
    }
    let rows = usize::try_from(primary.rows).unwrap_or(usize::MAX);
    let differing = usize::try_from(primary.wins + primary.losses).unwrap_or(usize::MAX);
    let discordance = if differing == 0 {
        DISCORDANCE
    } else {
        count(differing) / count(rows.max(1))
    };
    outlook::detectable(rules.planned.unwrap_or(rows), discordance)
}

fn measure(metric: &dyn Metric, cases: &[Case<'_>]) -> Option<Comparison> {
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
    let (low, high) = bets::interval(&differences, weights(metric))?;
    // Scores of the same text are equal to the bit, so a tie needs no tolerance.
    let tally = |sign| {
        differences
            .iter()
            .filter(|difference| difference.total_cmp(&0.0) == sign)
            .count() as u64
    };
    Some(Comparison {
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
    })
}

fn weights(metric: &dyn Metric) -> StakeWeights {
    match verdict::kind(metric) {
        RowScoreKind::Binary => StakeWeights::Binary,
        RowScoreKind::Scores => StakeWeights::Scores,
    }
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
