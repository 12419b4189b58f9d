//! What a report says, whatever it is written as.

use shared::evaluation::{
    Comparison, Evaluation, EvaluationDetail, EvaluationRecord, Side, SliceScore,
};

/// A report.
#[derive(Debug)]
pub(super) struct ReportContents {
    pub(super) title: String,
    /// The verdict, in a word.
    pub(super) verdict: String,
    pub(super) sections: Vec<ReportSection>,
}

/// A part of a report.
#[derive(Debug, Default)]
pub(super) struct ReportSection {
    pub(super) title: &'static str,
    pub(super) sentences: Vec<String>,
    pub(super) table: Option<ReportTable>,
    /// Differences with their intervals.
    pub(super) bars: Vec<IntervalBar>,
}

/// A table whose first column is text.
#[derive(Debug)]
pub(super) struct ReportTable {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A difference of two models' scores.
#[derive(Debug)]
pub(super) struct IntervalBar {
    pub(super) name: String,
    pub(super) low: f64,
    pub(super) difference: f64,
    pub(super) high: f64,
}

/// What is said of an evaluation.
pub(super) fn of(record: &EvaluationRecord) -> ReportContents {
    let evaluation = &record.evaluation;
    let detail = &evaluation.detail;
    let mut sections = vec![verdict(evaluation)];
    if !evaluation.metrics.is_empty() {
        sections.push(metrics(evaluation));
    }
    if !detail.slices.is_empty() {
        sections.push(slices(&detail.slices));
    }
    if !detail.best.is_empty() || !detail.worst.is_empty() {
        sections.push(pairs(detail));
    }
    let others = explanations(detail, evaluation);
    if !others.sentences.is_empty() {
        sections.push(others);
    }
    sections.push(models(record));
    ReportContents {
        title: format!("Evaluation of run {}", record.run),
        verdict: evaluation.verdict.as_str().replace('_', " "),
        sections,
    }
}

fn verdict(evaluation: &Evaluation) -> ReportSection {
    let mut sentences = vec![format!("Against the base model: {}.", evaluation.reason)];
    if let Some(serving) = &evaluation.serving {
        sentences.push(format!(
            "Against the model of run {}, which served: {}.",
            serving.run, serving.reason
        ));
    }
    sentences.push(match evaluation.stopped_after {
        Some(rows) => format!(
            "{} rows were compared of {} planned; it was proven after {rows}.",
            evaluation.rows, evaluation.planned
        ),
        None => format!(
            "{} rows were compared of {} planned.",
            evaluation.rows, evaluation.planned
        ),
    });
    if let Some(least) = evaluation.detectable {
        sentences.push(format!(
            "With so many rows a difference of {least:.3} is seen in four cases of five."
        ));
    }
    if evaluation.comparison > 0 {
        sentences.push(format!(
            "This is comparison {} with these rows: of many, some are lucky.",
            evaluation.comparison
        ));
    }
    if !evaluation.metric_reason.is_empty() {
        sentences.push(format!("Metric: {}.", evaluation.metric_reason));
    }
    ReportSection {
        title: "Verdict",
        sentences,
        ..ReportSection::default()
    }
}

fn metrics(evaluation: &Evaluation) -> ReportSection {
    let row = |metric: &Comparison| {
        vec![
            metric.name.clone(),
            metric.rows.to_string(),
            score(metric.base_mean),
            score(metric.tuned_mean),
            signed(metric.difference),
            interval(metric.low, metric.high),
            format!("{} / {} / {}", metric.wins, metric.ties, metric.losses),
        ]
    };
    let bar = |metric: &Comparison| IntervalBar {
        name: metric.name.clone(),
        low: metric.low,
        difference: metric.difference,
        high: metric.high,
    };
    ReportSection {
        title: "Metrics",
        sentences: vec![
            "The first one decides. Differences are tuned less base, with an interval of 95 % that holds however \
             often one looks."
                .to_owned(),
        ],
        table: Some(ReportTable {
            head: vec![
                "metric",
                "rows",
                "base",
                "tuned",
                "difference",
                "interval",
                "wins / ties / losses",
            ],
            rows: evaluation.metrics.iter().map(row).collect(),
        }),
        bars: evaluation.metrics.iter().map(bar).collect(),
    }
}

fn slices(slices: &[SliceScore]) -> ReportSection {
    let row = |slice: &SliceScore| {
        vec![
            format!("{} {}", slice.kind, slice.value),
            slice.rows.to_string(),
            score(slice.base_mean),
            score(slice.tuned_mean),
            signed(slice.difference),
            interval(slice.low, slice.high),
        ]
    };
    let bar = |slice: &SliceScore| IntervalBar {
        name: format!("{} {}", slice.kind, slice.value),
        low: slice.low,
        difference: slice.difference,
        high: slice.high,
    };
    ReportSection {
        title: "Parts of the rows",
        sentences: vec![
            "Shown, not tested: of twenty parts one leaves zero out by chance.".to_owned(),
        ],
        table: Some(ReportTable {
            head: vec!["part", "rows", "base", "tuned", "difference", "interval"],
            rows: slices.iter().map(row).collect(),
        }),
        bars: slices.iter().map(bar).collect(),
    }
}

fn pairs(detail: &EvaluationDetail) -> ReportSection {
    let rows = detail.best.iter().chain(&detail.worst).map(|pair| {
        vec![
            pair.row.clone(),
            score(pair.base),
            score(pair.tuned),
            signed(pair.tuned - pair.base),
        ]
    });
    ReportSection {
        title: "Rows that differ most",
        sentences: vec![
            "By the digest of the row; the answers are in the bucket of evaluations.".to_owned(),
        ],
        table: Some(ReportTable {
            head: vec!["row", "base", "tuned", "difference"],
            rows: rows.collect(),
        }),
        bars: Vec::new(),
    }
}

fn explanations(detail: &EvaluationDetail, evaluation: &Evaluation) -> ReportSection {
    let mut sentences = Vec::new();
    if let Some(length) = &detail.length {
        sentences.push(format!(
            "Length: longer answers and higher scores go together with a correlation of {:+.2}; on the {} rows \
             where the tuned model's answer is not the longer one, the mean difference is {:+.3}.",
            length.correlation, length.not_longer, length.difference_not_longer
        ));
    }
    if let Some(constant) = &detail.constant {
        sentences.push(format!(
            "One answer to every question: the most frequent one, expected by {} rows, scores {:.3}.",
            constant.rows, constant.mean
        ));
    }
    let blocked = evaluation.base.blocked;
    if blocked > 0 {
        sentences.push(format!(
            "A filter blocked {blocked} answers of the base model."
        ));
    }
    ReportSection {
        title: "What else could explain it",
        sentences,
        ..ReportSection::default()
    }
}

fn models(record: &EvaluationRecord) -> ReportSection {
    let evaluation = &record.evaluation;
    let serving = evaluation.serving.as_ref();
    let serving = serving.map(|serving| ("serving", &serving.side));
    let sides = [("base", &evaluation.base), ("tuned", &evaluation.tuned)];
    let row = |(name, side): (&str, &Side)| {
        let ms = |latency: Option<u64>| latency.map_or("-".to_owned(), |ms| ms.to_string());
        let usd = side.usd_per_thousand;
        vec![
            name.to_owned(),
            side.answered.to_string(),
            side.truncated.to_string(),
            side.failures.to_string(),
            ms(side.latency_p50_ms),
            ms(side.latency_p95_ms),
            side.output_tokens.to_string(),
            side.thought_tokens.to_string(),
            side.mean_chars.to_string(),
            usd.map_or("-".to_owned(), |usd| format!("{usd:.2}")),
        ]
    };
    ReportSection {
        title: "Models",
        sentences: vec![
            format!("Base: `{}`. Tuned: `{}`.", record.base, record.tuned),
            "Latency in milliseconds, without retries; output tokens include those of thoughts; the price is for a \
             thousand requests like these."
                .to_owned(),
        ],
        table: Some(ReportTable {
            head: vec![
                "model",
                "answered",
                "cut",
                "no text",
                "p50",
                "p95",
                "output tokens",
                "thoughts",
                "mean characters",
                "USD",
            ],
            rows: sides.into_iter().chain(serving).map(row).collect(),
        }),
        bars: Vec::new(),
    }
}

fn score(value: f64) -> String {
    format!("{value:.3}")
}

fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

fn interval(low: f64, high: f64) -> String {
    format!("{low:+.3} to {high:+.3}")
}
