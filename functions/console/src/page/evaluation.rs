//! The evaluation of a run's model against its base.

use maud::{Markup, html};
use shared::quantity::{count, number};

use crate::{outcome::Evaluation, untrusted::untrusted};

/// The section of a run's page.
pub(super) fn section(evaluation: &Evaluation) -> Markup {
    html! {
        section {
            h2 { "Evaluation" }
            p {
                strong { (untrusted(evaluation.words())) } ", on " (count(evaluation.rows)) " rows"
                @if let Some(primary) = &evaluation.primary {
                    "; decided by " code { (untrusted(primary)) }
                }
                "."
            }
            @if !evaluation.reason.is_empty() { p { (untrusted(&evaluation.reason)) } }
            @if !evaluation.metrics.is_empty() { (metrics(evaluation)) }
        }
    }
}

fn metrics(evaluation: &Evaluation) -> Markup {
    html! {
        table .cards {
            thead {
                tr {
                    th scope="col" { "Metric" }
                    th scope="col" .number { "Base" }
                    th scope="col" .number { "Tuned" }
                    th scope="col" .number { "Difference (95 % interval)" }
                }
            }
            tbody {
                @for metric in &evaluation.metrics {
                    tr {
                        th scope="row" { code { (untrusted(&metric.name)) } }
                        td .number data-label="Base" { (number(metric.base_mean)) }
                        td .number data-label="Tuned" { (number(metric.tuned_mean)) }
                        td .number data-label="Difference (95 % interval)" {
                            (number(metric.low)) " to " (number(metric.high))
                        }
                    }
                }
            }
        }
    }
}
