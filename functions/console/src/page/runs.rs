//! The front page: the newest runs, one row each.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shared::{
    quantity::{count, usd},
    run::Run,
};

use super::{Refresh, evaluation::words, layout, status_line};
use crate::{
    moment::moment,
    run_status::{RunProgress, progress, run_status},
    untrusted::untrusted,
    view::RunList,
};

/// The page.
pub(crate) fn page(runs: &RunList, now: DateTime<Utc>, refresh: Refresh) -> Markup {
    let body = html! {
        h1 { "Runs" }
        @if runs.newest.is_empty() {
            p {
                "No runs yet. A run starts when rows are uploaded to the bucket for uploads; "
                a href="/uploads" { "see the uploads" } "."
            }
        } @else {
            (refresh.link())
            table .cards {
                thead {
                    tr {
                        th scope="col" { "Run" }
                        th scope="col" { "Status" }
                        th scope="col" { "Progress" }
                        th scope="col" { "Price" }
                        th scope="col" { "Verdict" }
                    }
                }
                tbody { @for run in &runs.newest { (row(runs, run, now)) } }
            }
            p .links { a href="/v1/runs" { "As JSON" } }
        }
    };
    layout("Runs", refresh, &body)
}

fn row(runs: &RunList, run: &Run, now: DateTime<Utc>) -> Markup {
    let run_status = run_status(run);
    let serves = runs
        .routes
        .get(&run.model)
        .is_some_and(|route| route.leads_to(&run.id));
    html! {
        tr {
            th scope="row" {
                a href=(format!("/runs/{}", run.id)) { (run.id) }
                div .minor { (run.dataset) ", " (moment(run.created_at)) }
            }
            td data-label="Status" {
                (status_line(run.state.as_str(), &run_status, now))
                @if let Some(position) = runs.positions.get(&run.id) { div .minor { (position) } }
                @if !run.reason.is_empty() { div .minor { (untrusted(&run.reason)) } }
                @if let Some(finding) = run.finding {
                    div .finding { (finding.as_str().replace('_', " ")) }
                }
            }
            td data-label="Progress" { @if let Some(progress) = progress(run) { (bar(progress)) } }
            td data-label="Price" {
                (run.estimate.price()) div .minor { "budget " (usd(run.budget_usd)) }
            }
            td data-label="Verdict" {
                @if let Some(evaluation) = runs.evaluations.get(&run.id) {
                    (untrusted(words(&evaluation.verdict)))
                }
                @if serves { div { span .state.success { "serves" } " " a href=(format!("/routes/{}", run.model)) { (run.model) } } }
            }
        }
    }
}

/// The progress of a run as a bar.
pub(super) fn bar(progress: RunProgress) -> Markup {
    let RunProgress { unit, done, total } = progress;
    html! {
        progress max=(total) value=(done) aria-label="progress" {}
        div .minor { (unit) " " (count(done)) " of " (count(total)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use shared::{
        evaluation::{Evaluation, Verdict},
        route::{Route, Target},
        run::QueuePosition,
    };

    use super::*;
    use crate::sample;

    #[test]
    fn a_row_says_what_a_run_waits_for() {
        let job = json!({"name": "n", "state": "JOB_STATE_RUNNING", "steps_total": 400,
            "sub_state": "WAITING_FOR_CAPACITY", "state_since": sample::at(2)});
        let run = sample::run(&json!({"state": "running", "job": job, "last_step": 120}));
        let row = row(&RunList::default(), &run, sample::at(75)).into_string();
        insta::assert_snapshot!(row.replace("<td", "\n<td").replace("<div", "\n  <div"), @r#"
        <tr><th scope="row"><a href="/runs/tickets-aaaaaaaaaaaa-bbbbbbbbbb">tickets-aaaaaaaaaaaa-bbbbbbbbbb</a>
          <div class="minor">tickets, <time datetime="2026-11-22T10:00:00Z">2026-11-22 10:00 UTC</time></div></th>
        <td data-label="Status"><span class="state waiting">running</span> <bdi>Vertex AI waits for capacity</bdi><span class="since">, for 1 h 13 min</span></td>
        <td data-label="Progress"><progress max="400" value="120" aria-label="progress"></progress>
          <div class="minor">step 120 of 400</div></td>
        <td data-label="Price">$31.20
          <div class="minor">budget $25.00</div></td>
        <td data-label="Verdict"></td></tr>
        "#);
    }

    #[test]
    fn a_verdict_and_a_route_show() {
        let run = sample::run(&json!({"state": "succeeded"}));
        let (id, model) = (run.id.clone(), run.model.clone());
        let evaluation = Evaluation {
            verdict: Verdict::NotWorse,
            ..Evaluation::default()
        };
        let target = Target {
            run: id.to_string(),
            model: "models/1".to_owned(),
            endpoint: "endpoints/1".to_owned(),
            base: None,
            evidence: None,
        };
        let route = Route {
            target: Some(target),
            ..Route::new("base")
        };
        let runs = RunList {
            evaluations: [(id, evaluation)].into(),
            routes: [(model, route)].into(),
            newest: vec![run],
            ..RunList::default()
        };
        let page = page(&runs, sample::at(9), Refresh::Off).into_string();
        for expected in ["not worse than the base", ">serves<"] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }

    #[test]
    fn a_queued_run_shows_its_position() {
        let run = sample::run(&json!({}));
        let runs = RunList {
            positions: [(run.id.clone(), QueuePosition(3))].into(),
            newest: vec![run],
            ..RunList::default()
        };
        let page = page(&runs, sample::at(9), Refresh::Off).into_string();
        assert!(page.contains("3rd in the queue"), "{page}");
    }

    #[test]
    fn hostile_text_in_a_run_is_only_text() {
        let evil = "</div><script>alert(1)</script>\u{202e}";
        let job = json!({"name": evil, "state": evil, "sub_state": evil});
        let run = sample::run(&json!({"state": "running", "reason": evil, "job": job}));
        let runs = RunList {
            newest: vec![run],
            ..RunList::default()
        };
        let page = page(&runs, sample::at(9), Refresh::Off).into_string();
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn a_page_reloads_itself_only_when_asked() {
        let page = |refresh| page(&RunList::default(), sample::at(0), refresh).into_string();
        assert!(!page(Refresh::Off).contains("http-equiv"));
        assert!(page(Refresh::On).contains(r#"http-equiv="refresh""#));
    }
}
