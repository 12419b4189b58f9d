//! The page of one run: everything that was decided about it, and why.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shared::{
    quantity::{number, usd},
    run::{Run, State, Stop},
};

use super::{
    Refresh, changes, definitions, evaluation, job, layout, present, runs::bar, status_line,
    version, when,
};
use crate::{
    chart::{NO_LOSSES, chart},
    moment::moment,
    run_status::{progress, run_status},
    untrusted::untrusted,
    view::RunDetails,
};

/// The page; `token` is the CSRF token of its forms.
pub(crate) fn page(
    found: &RunDetails,
    token: &str,
    now: DateTime<Utc>,
    refresh: Refresh,
) -> Markup {
    let RunDetails {
        run,
        position,
        curve,
        version,
        evaluation,
        route,
    } = found;
    let serves = route.as_ref().is_some_and(|route| route.leads_to(&run.id));
    let checkpoints = run.job.as_ref().map(|job| job.checkpoints.as_slice());
    let checkpoints = checkpoints.unwrap_or_default();
    let body = html! {
        h1 { (run.id) }
        (refresh.link())
        (head(run, serves, now))
        @if let Some(position) = position { p { (position) } }
        @if run.state == State::AwaitingApproval { (approval(run, token)) }
        (changes::forms(run, token))
        section {
            h2 { "Losses" }
            @match curve {
                Some(curve) => (chart(curve, checkpoints, run.chosen.as_ref())),
                None => p { (NO_LOSSES) }
            }
            @for words in run.finding_words() { (finding(&words)) }
            @if let Some(stop) = &run.stop { (stopped(stop)) }
        }
        @if let Some(evaluation) = evaluation { (evaluation::section(evaluation)) }
        (plan(run))
        (job::section(run))
        @if let Some(version) = version { (version::section(version)) }
        (history(run))
        p .links {
            a href=(format!("/v1/runs/{}", run.id)) { "As JSON" } " · "
            a href="/" { "All runs" } " · "
            a href="/uploads" { "Uploads" }
        }
    };
    layout(run.id.as_str(), refresh, &body)
}

fn head(run: &Run, serves: bool, now: DateTime<Utc>) -> Markup {
    html! {
        p .status { (status_line(run.state.as_str(), &run_status(run), now)) }
        @if !run.reason.is_empty() { p { (untrusted(&run.reason)) } }
        @if serves { p { span .state.success { "serves" } " answers as " a href=(format!("/routes/{}", run.model)) { (run.model) } } }
        @if let Some(progress) = progress(run) { (bar(progress)) }
    }
}

/// The form that approves the run; the price is on its button.
fn approval(run: &Run, token: &str) -> Markup {
    let price = run.estimate.price();
    html! {
        form .approval method="post" action=(format!("/runs/{}/approve", run.id)) {
            p {
                "Tuning is expected to cost " strong { (price) } ", and its budget is "
                (usd(run.budget_usd)) ". It needs an approval."
            }
            input type="hidden" name="token" value=(token);
            label { "Why " input type="text" name="why" maxlength="500"; }
            button { "Approve " (price) }
        }
    }
}

/// A finding: its code stands out.
fn finding(words: &str) -> Markup {
    let (code, rest) = words.split_once(':').unwrap_or((words, ""));
    html! { p .finding { strong { (code.replace('_', " ")) } ":" (untrusted(rest)) "." } }
}

fn stopped(stop: &Stop) -> Markup {
    html! {
        p {
            "early-stop decided to stop it at " (moment(stop.at)) " for "
            strong { (stop.finding.as_str().replace('_', " ")) }
            ", called by " (untrusted(&stop.called_by)) "."
            @if let Some(finding) = stop.evidence.as_ref().filter(|it| !it.cause.is_empty()) {
                " Evidence: " (untrusted(&finding.cause)) "."
            }
        }
    }
}

fn plan(run: &Run) -> Markup {
    let plan = &run.plan;
    let approval = run.approval.as_ref();
    let price = html! {
        (run.estimate.price()) " at the prices of " (untrusted(&run.estimate.price_as_of))
    };
    html! {
        section {
            h2 { "Plan" }
            (definitions(&[
                ("Dataset", present(run.dataset.as_str())),
                ("Version", present(run.version.as_str())),
                ("Served as", present(run.model.as_str())),
                ("Base model", present(untrusted(&plan.base_model))),
                ("Region", present(untrusted(&plan.region))),
                ("Epochs", present(plan.epochs)),
                ("Learning rate", present(format!("× {}", number(plan.learning_rate_multiplier)))),
                ("Adapter size", present(plan.adapter_size)),
                ("Training tokens", present(run.estimate.tokens())),
                ("Estimate", Some(price)),
                ("Budget", present(usd(run.budget_usd))),
                ("Serving", run.estimate.serving.map(|it| html! { (it.price()) })),
                ("Location", present(run.location.as_str())),
                ("Approved by", approval.map(|by| html! {
                    (untrusted(&by.by)) ", " (moment(by.at))
                    @if !by.why.is_empty() { ": " (untrusted(&by.why)) }
                })),
                ("Planned", when(Some(run.created_at))),
                ("Ended", when(run.finished_at)),
            ]))
            @for default in &run.defaults { p .minor { "Default: " (untrusted(default)) } }
            @for warning in &run.warnings { p .minor { "Warning: " (untrusted(warning)) } }
        }
    }
}

fn history(run: &Run) -> Markup {
    html! {
        section {
            h2 { "History" }
            ol .history {
                @for entry in &run.history {
                    li { (moment(entry.at)) " " strong { (untrusted(&entry.by)) } " " (untrusted(&entry.note)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::run::QueuePosition;

    use super::*;
    use crate::sample;

    fn shown(extra: &serde_json::Value) -> String {
        let found = RunDetails {
            run: sample::run(extra),
            position: Some(QueuePosition(12)).filter(|_| extra["state"].is_null()),
            curve: None,
            version: None,
            evaluation: None,
            route: None,
        };
        page(&found, "token-7", sample::at(90), Refresh::Off).into_string()
    }

    #[test]
    fn only_a_run_that_awaits_approval_can_be_approved() {
        let waiting = shown(&json!({"state": "awaiting_approval"}));
        assert!(
            waiting.contains(r#"name="token" value="token-7""#),
            "{waiting}"
        );
        assert!(
            waiting.contains("<button>Approve $31.20</button>"),
            "{waiting}"
        );
        let queued = shown(&json!({}));
        assert!(!queued.contains("<button>Approve"), "{queued}");
        assert!(queued.contains("12th in the queue"), "{queued}");
        assert!(!waiting.contains("in the queue"), "{waiting}");
        let succeeded = shown(&json!({"state": "succeeded"}));
        assert!(!succeeded.contains("<button"), "{succeeded}");
        assert!(!succeeded.contains("token-7"), "{succeeded}");
    }

    #[test]
    fn a_run_has_the_buttons_of_what_can_be_done_to_it() {
        for (state, path, words) in [
            ("awaiting_approval", "refuse", "Refuse the price"),
            ("queued", "cancel", "Cancel the run"),
            ("running", "cancel", "Cancel the run"),
            ("failed", "retry", "Try it again"),
        ] {
            let page = shown(&json!({ "state": state }));
            let action = format!(r#"action="/runs/tickets-aaaaaaaaaaaa-bbbbbbbbbb/{path}""#);
            assert!(page.contains(&action), "{state}: {page}");
            assert!(
                page.contains(&format!("<button>{words}</button>")),
                "{page}"
            );
        }
    }

    #[test]
    fn hostile_text_is_only_text() {
        let evil = "<img src=x onerror=alert(1)>\u{2066}";
        let page = shown(&json!({
            "state": "stopping", "reason": evil,
            "stop": {"finding": "overfit", "called_by": evil, "at": sample::at(3)},
            "approval": {"by": evil, "at": sample::at(1)},
            "history": [{"at": sample::at(0), "by": evil, "note": evil}],
            "job": {"name": evil, "state": evil, "sub_state": evil, "error": evil, "model": evil,
                "dropped_rows": 1, "dropped_reasons": [evil], "endpoint": evil,
                "checkpoints": [{"id": evil, "epoch": 1, "step": 1, "endpoint": evil}]},
        }));
        assert!(!page.contains("<img"), "{page}");
        assert!(!page.contains('\u{2066}'), "{page}");
        assert_eq!(page.matches("&lt;img").count(), 14, "{page}");
    }

    #[test]
    fn a_finding_comes_with_advice() {
        let page = shown(&json!({"state": "running", "finding": "diverged"}));
        assert!(page.contains("lower learning_rate_multiplier"), "{page}");
    }
}
