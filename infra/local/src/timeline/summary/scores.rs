//! The base model compared with the tuned model.

use shared::evaluation::{Evaluation, Side};

use crate::{
    table::{Align, TextTable},
    text,
};

/// The lines of an evaluation: every metric with its interval, then a table about the answers.
pub(super) fn comparison(evaluation: &Evaluation) -> Vec<String> {
    let mut lines = asked(evaluation);
    lines.push(String::new());
    lines.extend(metrics(evaluation).lines());
    lines.push(String::new());
    lines.extend(sides(evaluation).lines());
    if let Some(more) = evaluation.more_rows_needed {
        lines.push(String::new());
        lines.push(format!(
            "with about {} the chance of a verdict is even",
            text::things(more, "more row")
        ));
    }
    if let Some(serving) = &evaluation.serving {
        lines.push(String::new());
        lines.push(format!("against the model that served: {}", serving.reason));
    }
    lines
}

/// How many rows were asked, and how many a plan would have that does not look before its end.
fn asked(evaluation: &Evaluation) -> Vec<String> {
    let mut lines = vec![format!(
        "on {}",
        text::things(evaluation.rows, "held-out prompt")
    )];
    if evaluation.planned > evaluation.rows {
        let planned = text::count(evaluation.planned);
        lines.push(match evaluation.stopped_after {
            Some(rows) => format!(
                "proven after {}; a fixed plan would have asked {planned}",
                text::things(rows, "row")
            ),
            None => format!("given up as hopeless; a fixed plan would have asked {planned}"),
        });
    }
    lines
}

fn metrics(evaluation: &Evaluation) -> TextTable {
    let mut table = TextTable::new(&[
        ("metric", Align::Left),
        ("base", Align::Right),
        ("tuned", Align::Right),
        ("difference", Align::Right),
        ("95 % interval", Align::Right),
        ("better", Align::Right),
        ("same", Align::Right),
        ("worse", Align::Right),
    ]);
    for metric in &evaluation.metrics {
        let decides = evaluation.primary.as_ref() == Some(&metric.name);
        table.row([
            format!("{}{}", metric.name, if decides { " (decides)" } else { "" }),
            format!("{:.3}", metric.base_mean),
            format!("{:.3}", metric.tuned_mean),
            format!("{:+.3}", metric.difference),
            format!("{:+.3} to {:+.3}", metric.low, metric.high),
            text::count(metric.wins),
            text::count(metric.ties),
            text::count(metric.losses),
        ]);
    }
    let bleu = &evaluation.corpus_bleu;
    table.row([
        "corpus BLEU, of 100".to_owned(),
        format!("{:.1}", bleu.base),
        format!("{:.1}", bleu.tuned),
        format!("{:+.1}", bleu.tuned - bleu.base),
    ]);
    table
}

fn sides(evaluation: &Evaluation) -> TextTable {
    let mut table = TextTable::new(&[
        ("answers", Align::Left),
        ("failed", Align::Right),
        ("truncated", Align::Right),
        ("latency p50", Align::Right),
        ("p95", Align::Right),
        ("tokens in", Align::Right),
        ("out", Align::Right),
    ]);
    for (name, side) in [("base", &evaluation.base), ("tuned", &evaluation.tuned)] {
        table.row(side_cells(name, side, evaluation.rows));
    }
    table
}

fn side_cells(name: &str, side: &Side, rows: u64) -> [String; 7] {
    let ms = |ms: Option<u64>| match ms {
        Some(ms) => format!("{} ms", text::count(ms)),
        None => "–".to_owned(),
    };
    [
        name.to_owned(),
        format!("{} of {}", text::count(side.failures), text::count(rows)),
        text::count(side.truncated),
        ms(side.latency_p50_ms),
        ms(side.latency_p95_ms),
        text::count(side.input_tokens),
        text::count(side.output_tokens),
    ]
}
