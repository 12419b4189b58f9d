//! The verdict on the primary metric: of all candidates for a claim only one is looked at, so that none is picked
//! for its result.

use scores::{
    comparison::{
        sequential::{ComparisonFinding, ComparisonPlan, Design, RowScoreKind, Sequential},
        verdict::{ComparisonOutcome, Guardrail, outcome},
    },
    metric::{Metric, ScoreScale},
    metrics::scored,
};
use shared::evaluation::Verdict;

use super::{Case, VerdictRules, caps};
use crate::answer::AnswerOutcome;

/// A verdict with its reason.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) more_rows_needed: Option<u64>,
    pub(super) stopped_after: Option<u64>,
}

/// What a metric gives for a row.
pub(super) fn kind(metric: &dyn Metric) -> RowScoreKind {
    match metric.scale() {
        ScoreScale::Binary => RowScoreKind::Binary,
        ScoreScale::Graded => RowScoreKind::Scores,
    }
}

/// The comparison on `metric`, row by row in the order of `cases`, as far as it goes.
pub(super) fn follow(metric: &dyn Metric, cases: &[Case<'_>], rules: &VerdictRules) -> Sequential {
    looked_at(metric, cases, rules, |difference, _case| difference)
}

fn looked_at(
    metric: &dyn Metric,
    cases: &[Case<'_>],
    rules: &VerdictRules,
    counted: impl Fn(f64, &Case<'_>) -> f64,
) -> Sequential {
    let measured = cases
        .iter()
        .filter(|case| metric.applies(scored(case.reference)));
    let measured: Vec<&Case<'_>> = measured.collect();
    // Added rows are asked after all others.
    let first = measured.iter().filter(|case| !case.is_added).count();
    let is_first_over = first < measured.len();
    let differences = measured
        .into_iter()
        .map(|case| counted(case.difference(metric), case));
    let mut comparison = Sequential::new(ComparisonPlan {
        // Rows that no model could be asked are not waited for.
        rows: rules.planned.filter(|_| !is_first_over).unwrap_or(first),
        added: rules.added,
        kind: kind(metric),
        design: Design::Sequential,
        margin: rules.margin,
        accepts_not_worse: rules.accepts_not_worse,
        candidates: rules.comparisons(),
    });
    for difference in differences {
        comparison.add(difference);
    }
    comparison
}

/// What follows from `cases`; `other` names the model that the tuned one is compared with.
pub(super) fn judge(
    metric: &dyn Metric,
    cases: &[Case<'_>],
    rules: &VerdictRules,
    other: &str,
) -> Judgement {
    let comparison = follow(metric, cases, rules);
    let finding = comparison.finding();
    let slower = rules
        .latency_ratio_max
        .map(|ratio| caps::slower(cases, ratio));
    let guardrails: Vec<Guardrail> = guardrails(cases).into_iter().chain(slower).collect();
    let found = outcome(true, &guardrails, &finding);
    let (verdict, words) = match found {
        // A model that a filter silences does not lose to another: the lead must hold without those rows.
        ComparisonOutcome::Better if !leads_without_blocked(metric, cases, rules) => (
            Verdict::CannotTell,
            format!("cannot tell: it leads only where a filter blocked {other}"),
        ),
        ComparisonOutcome::Better => (Verdict::Better, format!("better than {other}")),
        ComparisonOutcome::NotWorse => (
            Verdict::NotWorse,
            format!("not worse than {other} by more than {:.3}", rules.margin),
        ),
        ComparisonOutcome::Worse => (Verdict::Worse, format!("worse than {other}")),
        ComparisonOutcome::RuledOut {
            guardrail: caps::SLOWER,
        } => (
            Verdict::RuledOut,
            format!(
                "ruled out: most answers take longer than {} times those of {other}",
                rules.latency_ratio_max.unwrap_or(1.0)
            ),
        ),
        ComparisonOutcome::RuledOut { guardrail } => (
            Verdict::RuledOut,
            format!("ruled out: more answers are {guardrail} than of {other}"),
        ),
        ComparisonOutcome::Undecided => (Verdict::Undecided, "undecided".to_owned()),
        ComparisonOutcome::CannotTell => (Verdict::CannotTell, cannot_tell(&finding)),
    };
    let stopped = comparison.settled();
    let is_open = matches!(verdict, Verdict::CannotTell | Verdict::NotWorse);
    Judgement {
        reason: format!("{words}; {}", numbers(metric, &finding)),
        verdict,
        more_rows_needed: more_rows(&finding).filter(|_| is_open),
        stopped_after: stopped.map(|settled| settled.rows as u64),
    }
}

fn leads_without_blocked(metric: &dyn Metric, cases: &[Case<'_>], rules: &VerdictRules) -> bool {
    let is_blocked = |case: &Case<'_>| matches!(case.base.outcome, AnswerOutcome::Blocked { .. });
    if !cases.iter().any(is_blocked) {
        return true;
    }
    let ties = |difference: f64, case: &Case<'_>| {
        if is_blocked(case) {
            difference.min(0.0)
        } else {
            difference
        }
    };
    let finding = looked_at(metric, cases, rules, ties).finding();
    outcome(true, &[], &finding) == ComparisonOutcome::Better
}

/// What the tuned model must not do more often than the other one.
fn guardrails(cases: &[Case<'_>]) -> [Guardrail; 3] {
    type Is = fn(&AnswerOutcome) -> bool;
    let kinds: [(&'static str, Is); 3] = [
        ("empty", |it| matches!(it, AnswerOutcome::Empty)),
        ("blocked", |it| matches!(it, AnswerOutcome::Blocked { .. })),
        ("broken", |it| matches!(it, AnswerOutcome::Failed { .. })),
    ];
    kinds.map(|(name, is)| {
        let count = |only_tuned: bool| {
            let differ = cases.iter().filter(|case| {
                let (tuned, base) = (is(&case.tuned.outcome), is(&case.base.outcome));
                tuned == only_tuned && base != only_tuned
            });
            differ.count()
        };
        Guardrail {
            name,
            candidate: count(true),
            other: count(false),
        }
    })
}

fn more_rows(finding: &ComparisonFinding) -> Option<u64> {
    let needed = finding.rows_needed?;
    Some(needed.saturating_sub(finding.rows) as u64)
}

fn cannot_tell(finding: &ComparisonFinding) -> String {
    match more_rows(finding) {
        _ if finding.rows == 0 => "no rows to compare".to_owned(),
        Some(more) => {
            format!("cannot tell: with about {more} more rows the chance of a verdict is even")
        }
        None => "cannot tell: too close for more rows to decide".to_owned(),
    }
}

fn numbers(metric: &dyn Metric, finding: &ComparisonFinding) -> String {
    let Some((low, high)) = finding.interval else {
        return format!("{}, no rows", metric.name());
    };
    format!(
        "{} {:+.3} (95 % interval {low:+.3} to {high:+.3}), {} rows",
        metric.name(),
        finding.difference,
        finding.rows,
    )
}
