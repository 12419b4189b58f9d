//! The tuning job of a run, as the service reports it.

use maud::{Markup, html};
use shared::{
    checkpoint::Checkpoint,
    quantity::count,
    run::{Job, Run},
};

use super::{definitions, present, when};
use crate::{chart::CHECKPOINTS_MAX, moment::moment, untrusted::untrusted};

/// Most reasons for dropped rows that are shown; the service may give one per row.
const REASONS_MAX: usize = 20;

/// The section of a run's page.
pub(super) fn section(run: &Run) -> Markup {
    html! {
        section {
            h2 { "Job" }
            @if let Some(armed) = &run.armed {
                p {
                    "Being submitted since " (moment(armed.at))
                    "; the call times out at " (moment(armed.deadline)) "."
                }
            }
            @match &run.job {
                Some(job) => {
                    (details(run, job))
                    @if !job.checkpoints.is_empty() {
                        (checkpoints(&job.checkpoints, run.chosen.as_ref()))
                    }
                }
                None => p { "No job yet." }
            }
        }
    }
}

fn details(run: &Run, job: &Job) -> Markup {
    let words = |text: &Option<String>| text.as_deref().map(untrusted);
    let code = |text: &Option<String>| {
        text.as_deref()
            .map(|text| html! { code { (untrusted(text)) } })
    };
    html! {
        (definitions(&[
            ("Name", Some(html! { code { (untrusted(&job.name)) } })),
            ("State", Some(html! { code { (untrusted(&job.state.to_string())) } })),
            ("Sub-state", code(&job.sub_state.as_ref().map(ToString::to_string))),
            ("In this state since", when(job.state_since)),
            ("First step", when(job.started_at)),
            ("Ended", when(job.ended_at)),
            ("Error", words(&job.error)),
            ("Newest step", run.last_step.map(|step| html! { (count(step)) })),
            ("Newest step at", when(run.last_step_at)),
            ("Total steps", job.steps_total.map(|steps| html! { (count(steps)) })),
            ("Epochs done", job.completed_epochs.and_then(present)),
            ("Billable tokens per epoch", job.billable_tokens.map(|tokens| html! { (count(tokens)) })),
            ("Rows dropped or truncated", job.dropped_rows.map(|rows| html! { (count(rows)) })),
            ("Tuned model", code(&job.model)),
            ("Endpoint", code(&job.endpoint)),
        ]))
        @if !job.dropped_reasons.is_empty() {
            p { "Why rows were dropped, as the service reports it:" }
            ul { @for reason in job.dropped_reasons.iter().take(REASONS_MAX) { li { (untrusted(reason)) } } }
        }
    }
}

fn checkpoints(checkpoints: &[Checkpoint], chosen: Option<&Checkpoint>) -> Markup {
    html! {
        h3 { "Checkpoints" }
        table .cards {
            thead {
                tr {
                    th scope="col" { "ID" }
                    th scope="col" .number { "Epoch" }
                    th scope="col" .number { "Step" }
                    th scope="col" { "Endpoint" }
                }
            }
            tbody {
                @for checkpoint in checkpoints.iter().take(CHECKPOINTS_MAX) {
                    tr {
                        th scope="row" {
                            (untrusted(&checkpoint.id))
                            @if chosen == Some(checkpoint) { " " span .state.success { "chosen" } }
                        }
                        td .number data-label="Epoch" { (checkpoint.epoch) }
                        td .number data-label="Step" { (count(checkpoint.step)) }
                        td data-label="Endpoint" {
                            @if let Some(endpoint) = &checkpoint.endpoint {
                                code { (untrusted(endpoint)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
