//! What lies behind the verdict: slices, length, the rows that differ most, and one answer to every question.

use std::collections::BTreeMap;

use scores::{
    comparison::bets,
    metric::{Metric, Scratch},
    metrics::scored,
};
use shared::evaluation::{ConstantAnswer, EvaluationDetail, LengthBias, PairScore, SliceScore};

use super::{Case, count, mean, weights};

/// Rows below which a slice says nothing.
const SLICE_ROWS_MIN: usize = 10;
/// Most labels that are slices: beyond, answers are texts and not labels.
const LABELS_MAX: usize = 20;
/// Longest label, in characters.
const LABEL_CHARS_MAX: usize = 40;
/// Rows that are listed at either end.
const PAIRS: usize = 5;

/// One row with its scores.
struct ScoredCase<'a> {
    case: &'a Case<'a>,
    base: f64,
    tuned: f64,
}

impl ScoredCase<'_> {
    fn difference(&self) -> f64 {
        self.tuned - self.base
    }

    /// How many characters the tuned model's answer is longer.
    fn longer(&self) -> f64 {
        count(self.case.tuned.text.chars().count()) - count(self.case.base.text.chars().count())
    }
}

/// The details of `cases` on `metric`.
pub(super) fn of(metric: &dyn Metric, cases: &[Case<'_>]) -> EvaluationDetail {
    let measured = cases
        .iter()
        .filter(|case| metric.applies(scored(case.reference)));
    let rows: Vec<ScoredCase<'_>> = measured
        .map(|case| ScoredCase {
            case,
            base: case.base.score(metric, case.reference),
            tuned: case.tuned.score(metric, case.reference),
        })
        .collect();
    EvaluationDetail {
        slices: slices(metric, &rows),
        length: length_bias(&rows),
        best: extremes(&rows, 1.0),
        worst: extremes(&rows, -1.0),
        constant: constant(metric, &rows),
    }
}

fn slices(metric: &dyn Metric, rows: &[ScoredCase<'_>]) -> Vec<SliceScore> {
    let mut slices = Vec::new();
    let mut part = |kind: &str, value: &dyn Fn(&ScoredCase<'_>) -> String| {
        let mut parts: BTreeMap<String, Vec<&ScoredCase<'_>>> = BTreeMap::new();
        for row in rows {
            parts.entry(value(row)).or_default().push(row);
        }
        // One part is all of the rows.
        if parts.len() > 1 && parts.len() <= LABELS_MAX {
            let scored = parts.into_iter().filter_map(|(value, rows)| {
                let scored = slice(metric, &rows)?;
                let kind = kind.to_owned();
                Some(SliceScore {
                    kind,
                    value,
                    ..scored
                })
            });
            slices.extend(scored);
        }
    };
    part("script", &|row| script(row.case.reference).to_owned());
    let (short, long) = thirds(rows);
    part("length", &|row| {
        let chars = row.case.reference.chars().count();
        if chars <= short {
            format!("1: up to {short} characters")
        } else if chars <= long {
            format!("2: up to {long} characters")
        } else {
            format!("3: above {long} characters")
        }
    });
    if rows.iter().all(|row| is_label(row.case.reference)) {
        part("label", &|row| row.case.reference.trim().to_owned());
    }
    slices
}

/// `None` where there are too few rows.
fn slice(metric: &dyn Metric, rows: &[&ScoredCase<'_>]) -> Option<SliceScore> {
    if rows.len() < SLICE_ROWS_MIN {
        return None;
    }
    let differences: Vec<f64> = rows.iter().map(|row| row.difference()).collect();
    let (low, high) = bets::interval(&differences, weights(metric))?;
    Some(SliceScore {
        rows: rows.len() as u64,
        base_mean: mean(rows.iter().map(|row| row.base))?,
        tuned_mean: mean(rows.iter().map(|row| row.tuned))?,
        difference: mean(differences.iter().copied())?,
        low,
        high,
        ..SliceScore::default()
    })
}

/// The lengths, in characters, up to which the shorter third and two thirds of the expected answers are.
fn thirds(rows: &[ScoredCase<'_>]) -> (usize, usize) {
    let lengths = rows.iter().map(|row| row.case.reference.chars().count());
    let mut lengths: Vec<usize> = lengths.collect();
    lengths.sort_unstable();
    let at = |third: usize| {
        let place = (lengths.len() * third / 3).saturating_sub(1);
        lengths.get(place).copied().unwrap_or(0)
    };
    (at(1), at(2))
}

fn is_label(reference: &str) -> bool {
    let reference = reference.trim();
    !reference.contains('\n') && reference.chars().count() <= LABEL_CHARS_MAX
}

/// The script that most letters of a text are of: what is known of its language from the text alone.
fn script(text: &str) -> &'static str {
    const SCRIPTS: [(&str, &[(u32, u32)]); 9] = [
        ("Latin", &[(0x41, 0x24F), (0x1E00, 0x1EFF)]),
        ("Greek", &[(0x370, 0x3FF), (0x1F00, 0x1FFF)]),
        ("Cyrillic", &[(0x400, 0x52F)]),
        ("Hebrew", &[(0x590, 0x5FF)]),
        ("Arabic", &[(0x600, 0x6FF), (0x750, 0x77F)]),
        ("Devanagari", &[(0x900, 0x97F)]),
        ("Kana", &[(0x3040, 0x30FF)]),
        ("Hangul", &[(0xAC00, 0xD7AF), (0x1100, 0x11FF)]),
        ("Han", &[(0x3400, 0x4DBF), (0x4E00, 0x9FFF)]),
    ];
    let mut counts = [0_usize; SCRIPTS.len()];
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        let point = u32::from(letter);
        let is_in = |ranges: &[(u32, u32)]| {
            ranges
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&point))
        };
        let mut all = counts.iter_mut().zip(SCRIPTS);
        if let Some((count, _)) = all.find(|(_, (_, ranges))| is_in(ranges)) {
            *count += 1;
        }
    }
    let most = counts.iter().zip(SCRIPTS).max_by_key(|(count, _)| **count);
    match most {
        Some((count, (name, _))) if *count > 0 => name,
        _ => "none",
    }
}

fn length_bias(rows: &[ScoredCase<'_>]) -> Option<LengthBias> {
    let not_longer: Vec<f64> = rows
        .iter()
        .filter(|row| row.longer() <= 0.0)
        .map(ScoredCase::difference)
        .collect();
    Some(LengthBias {
        correlation: correlation(rows)?,
        not_longer: not_longer.len() as u64,
        difference_not_longer: mean(not_longer.iter().copied()).unwrap_or(0.0),
    })
}

/// `None` where either does not vary.
fn correlation(rows: &[ScoredCase<'_>]) -> Option<f64> {
    let longer = mean(rows.iter().map(ScoredCase::longer))?;
    let higher = mean(rows.iter().map(ScoredCase::difference))?;
    let (mut both, mut lengths, mut scores) = (0.0, 0.0, 0.0);
    for row in rows {
        let (length, score) = (row.longer() - longer, row.difference() - higher);
        both += length * score;
        lengths += length * length;
        scores += score * score;
    }
    let spread = (lengths * scores).sqrt();
    (spread > 0.0).then(|| (both / spread).clamp(-1.0, 1.0))
}

/// The rows that differ most in the direction of `sign`.
fn extremes(rows: &[ScoredCase<'_>], sign: f64) -> Vec<PairScore> {
    let mut differing: Vec<&ScoredCase<'_>> = rows
        .iter()
        .filter(|row| row.difference() * sign > 0.0)
        .collect();
    differing.sort_by(|one, other| {
        let order = (other.difference() * sign).total_cmp(&(one.difference() * sign));
        order.then_with(|| one.case.row.cmp(other.case.row))
    });
    let listed = differing.into_iter().take(PAIRS).map(|row| PairScore {
        row: row.case.row.to_owned(),
        base: row.base,
        tuned: row.tuned,
    });
    listed.collect()
}

/// What the most frequent expected answer would score; `None` where each occurs once.
fn constant(metric: &dyn Metric, rows: &[ScoredCase<'_>]) -> Option<ConstantAnswer> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.case.reference).or_default() += 1;
    }
    // Of several as frequent, the first by its text.
    let (answer, most) = counts
        .into_iter()
        .rev()
        .max_by_key(|(_, rows)| *rows)
        .filter(|(_, rows)| *rows > 1)?;
    let scores = rows.iter().map(|row| {
        let mut scratch = Scratch::default();
        metric.score(&mut scratch.pair(scored(answer), scored(row.case.reference)))
    });
    Some(ConstantAnswer {
        rows: most as u64,
        mean: mean(scores)?,
    })
}

/// What is said of a lead where one answer to every question scores no less.
pub(super) fn no_better_than_constant(
    constant: Option<&ConstantAnswer>,
    tuned_mean: f64,
) -> Option<String> {
    let constant = constant.filter(|constant| tuned_mean <= constant.mean)?;
    Some(format!(
        "cannot tell: always giving the most frequent answer scores {:.3}, and the tuned model {tuned_mean:.3}",
        constant.mean
    ))
}

#[cfg(test)]
mod tests;
