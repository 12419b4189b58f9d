//! The evaluation of a run's model against its base.

use maud::{Markup, html};
use shared::{
    evaluation::{Evaluation, Verdict},
    quantity::{count, number},
};

use crate::untrusted::untrusted;

/// The section of a run's page.
pub(super) fn section(evaluation: &Evaluation) -> Markup {
    html! {
        section {
            h2 { "Evaluation" }
            p {
                strong { (untrusted(words(&evaluation.verdict))) } ", on " (count(evaluation.rows)) " rows"
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

/// The verdict in plain words; one that this version does not know is shown as it is written.
pub(super) fn words(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Better => "better than the base",
        Verdict::NotWorse => "not worse than the base",
        Verdict::Worse => "worse than the base",
        Verdict::CannotTell => "cannot tell",
        Verdict::RuledOut => "ruled out by a guardrail",
        Verdict::Undecided => "undecided: a model could not be asked",
        Verdict::Other(name) if name.is_empty() => "no verdict",
        Verdict::Other(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verdict_is_shown_as_it_is() {
        assert_eq!(words(&Verdict::Other("splendid".to_owned())), "splendid");
        assert_eq!(words(&Verdict::default()), "no verdict");
    }
}
