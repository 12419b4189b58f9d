//! The page of one route: what answers, what answered before, who moved it and why, and the buttons that move it.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shared::route::{
    BackTo, Change, Route, RouteHold, RouteMove,
    canary::{Canary, CanaryChange, CanaryState},
    change::RouteChange,
};

use super::{
    Refresh, definitions, layout, present,
    routes::{answered_by, state},
};
use crate::{moment::moment, untrusted::untrusted, view::NamedRoute};

/// Stands for the base model, where a form names what a route goes back to.
pub(crate) const BASE: &str = "base";

/// The page; `token` is the CSRF token of its forms.
pub(crate) fn page(named: &NamedRoute, token: &str) -> Markup {
    let NamedRoute { name, route } = named;
    let form = Form {
        path: format!("/routes/{name}"),
        version: route.version,
        token,
    };
    let run = route.target.as_ref().map(|target| target.run.as_str());
    let body = html! {
        h1 { (name) }
        p .status { (state(route)) }
        (definitions(&[
            ("Answered by", Some(answered_by(run, route))),
            ("Base model", present(untrusted(&route.base))),
            ("Route version", present(route.version)),
        ]))
        @if let Some(hold) = &route.hold { (held(hold)) }
        @if let Some(canary) = &route.canary { (on_trial(canary, &form)) }
        (moves(route, &form))
        (history(route))
        p .links {
            a href=(format!("/v1/routes/{name}")) { "As JSON" } " · "
            a href="/routes" { "All routes" } " · "
            a href="/" { "All runs" }
        }
    };
    layout(name.as_str(), Refresh::Off, &body)
}

fn held(hold: &RouteHold) -> Markup {
    html! {
        p {
            "Held by " (untrusted(&hold.by)) " since " (moment(hold.since))
            @if !hold.reason.is_empty() { ": " (untrusted(&hold.reason)) }
            ". Functions promote nothing here until a person lifts the hold."
        }
    }
}

/// Where the forms of a page post to, and what they are bound to.
struct Form<'a> {
    path: String,
    version: u64,
    token: &'a str,
}

impl Form<'_> {
    /// A form of one button, with a field for the reason.
    fn button(&self, change: &RouteChange, words: &str, more: &Markup) -> Markup {
        html! {
            form .change method="post" action=(format!("{}/{}", self.path, change.as_str())) {
                input type="hidden" name="token" value=(self.token);
                input type="hidden" name="version" value=(self.version);
                (more)
                label { "Reason " input type="text" name="why" maxlength="500"; }
                " " button { (words) }
            }
        }
    }
}

fn on_trial(canary: &Canary, form: &Form<'_>) -> Markup {
    let none = Markup::default();
    let is_running = canary.state == CanaryState::Running;
    html! {
        section {
            h2 { "Canary" }
            p {
                "The model of run "
                a href=(format!("/runs/{}", canary.target.run)) { (untrusted(&canary.target.run)) }
                @if canary.is_shadow {
                    " is asked in the shadow: no caller sees its answers. It began at "
                } @else {
                    " answers " strong { (canary.percent()) " % of the callers" } " since "
                }
                (moment(canary.since)) ", step " (canary.step + 1) " of " (canary.plan.steps.len())
                @match canary.state {
                    CanaryState::Running => ".",
                    CanaryState::Paused => ". It is paused.",
                    CanaryState::Waiting => ". Its step has seen as many callers as it may: a person decides.",
                }
            }
            @if is_running {
                (form.button(&RouteChange::PauseCanary, "Pause", &none))
            } @else {
                (form.button(&RouteChange::ResumeCanary, "Let it go on", &none))
            }
            (form.button(&RouteChange::PromoteCanary, "Promote to all callers", &none))
            (form.button(&RouteChange::CancelCanary, "Cancel the canary", &none))
        }
    }
}

/// The forms that send the route back, and that hold it or lift the hold.
fn moves(route: &Route, form: &Form<'_>) -> Markup {
    let targets = html! {
        label {
            "To "
            select name="to" {
                @for target in route.behind.iter().rev() {
                    option value=(target.run) { "run " (untrusted(&target.run)) }
                }
                option value=(BASE) { "base model " (untrusted(&route.base)) }
            }
        }
        " "
    };
    let none = Markup::default();
    html! {
        section {
            h2 { "Change" }
            @if route.target.is_some() {
                (form.button(&RouteChange::RollBack(BackTo::Before), "Roll back and hold", &targets))
            }
            @if route.hold.is_some() {
                (form.button(&RouteChange::Lift, "Lift the hold", &none))
            } @else {
                (form.button(&RouteChange::Hold, "Hold", &none))
            }
        }
    }
}

/// A line of the history: when, who, what and why.
struct Line {
    at: DateTime<Utc>,
    by: String,
    what: String,
    why: String,
}

fn history(route: &Route) -> Markup {
    let moved = route.history.iter().map(moved);
    let mut lines: Vec<Line> = moved
        .chain(route.canary_history.iter().map(tried))
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    html! {
        section {
            h2 { "History" }
            @if lines.is_empty() { p { "Nothing has changed it yet." } }
            ol .history {
                @for line in lines {
                    li {
                        (moment(line.at)) " " strong { (untrusted(&line.by)) } " " (untrusted(&line.what))
                        @if !line.why.is_empty() { ": " (untrusted(&line.why)) }
                    }
                }
            }
        }
    }
}

fn moved(change: &Change) -> Line {
    let to = change.to.as_deref().map(|run| format!("run {run}"));
    let to = to.unwrap_or_else(|| "the base model".to_owned());
    let version = change.version;
    Line {
        at: change.at,
        by: by(change.by.as_deref()),
        what: match change.kind {
            RouteMove::Promote => format!("moved it to {to}, version {version}"),
            RouteMove::Rollback => format!("rolled it back to {to}, version {version}"),
            RouteMove::Hold => "held it".to_owned(),
            RouteMove::Lift => "lifted the hold".to_owned(),
        },
        why: change.reason.clone(),
    }
}

fn tried(change: &CanaryChange) -> Line {
    let (kind, run, percent) = (change.kind.as_str(), &change.run, change.percent);
    Line {
        at: change.at,
        by: by(change.by.as_deref()),
        what: format!("canary of run {run} {kind}, {percent} % of the callers"),
        why: change.reason.clone(),
    }
}

/// The person, or the function that changes routes by itself.
fn by(person: Option<&str>) -> String {
    person.unwrap_or("deploy").to_owned()
}

#[cfg(test)]
mod tests {
    use shared::{
        id::DatasetName,
        recipe::CanaryRecipe,
        route::{
            Target,
            canary::{self, CanaryOrder, CanaryPlan},
            promote,
        },
    };

    use super::*;
    use crate::sample;

    const EVIL: &str = "<script>alert(1)</script>\u{202e}";

    fn shown(change: Option<RouteChange>, why: &str) -> String {
        let target = |run: &str| Target {
            run: run.to_owned(),
            model: String::new(),
            endpoint: format!("endpoints/{run}"),
            base: None,
            evidence: None,
        };
        let route = promote(
            Route::new("gemini"),
            target("d-v1-a"),
            "better",
            sample::at(0),
        );
        let mut route = promote(route, target("d-v2-b"), "better", sample::at(5));
        if let Some(change) = change {
            route = change.apply(route, "ada", why, sample::at(9)).unwrap();
        }
        let name = "support".parse().unwrap();
        page(&NamedRoute { name, route }, "token-7").into_string()
    }

    #[test]
    fn a_route_can_go_back_to_each_model_that_served_and_to_the_base() {
        let page = shown(None, "");
        for expected in [
            r#"action="/routes/support/rollback""#,
            r#"<option value="d-v1-a">"#,
            r#"<option value="base">"#,
            r#"name="version" value="2""#,
            r#"name="token" value="token-7""#,
            "<button>Hold</button>",
            "moved it to run d-v2-b, version 2",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains(r#"<option value="d-v2-b">"#), "{page}");
        assert!(!page.contains("Canary"), "{page}");
    }

    #[test]
    fn a_canary_can_be_kept_promoted_and_cancelled() {
        let order = CanaryOrder {
            by: None,
            reason: "promoted: better",
            at: sample::at(3),
        };
        let target = Target {
            run: "d-v3-c".to_owned(),
            model: String::new(),
            endpoint: "endpoints/3".to_owned(),
            base: None,
            evidence: None,
        };
        let name: DatasetName = "support".parse().unwrap();
        let plan = CanaryRecipe::default().plan(None);
        let shown = |shadow| {
            let plan = CanaryPlan {
                shadow,
                ..plan.clone()
            };
            let route = canary::start(Route::new("gemini"), &name, target.clone(), plan, order);
            let named = NamedRoute {
                name: name.clone(),
                route,
            };
            page(&named, "token-7").into_string()
        };
        let page = shown(false);
        for expected in [
            "10 % of the callers",
            r#"action="/routes/support/pause""#,
            r#"action="/routes/support/promote""#,
            r#"action="/routes/support/cancel""#,
            "canary of run d-v3-c started, 10 % of the callers",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains("Let it go on"), "{page}");
        assert!(shown(true).contains("no caller sees its answers"));
    }

    #[test]
    fn who_held_it_and_why_is_shown() {
        let page = shown(Some(RouteChange::RollBack(BackTo::Base)), EVIL);
        for expected in [
            "base model",
            "Held by",
            "<button>Lift the hold</button>",
            "rolled it back to the base model, version 3",
            "&lt;script&gt;",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(
            !page.contains("<script") && !page.contains('\u{202e}'),
            "{page}"
        );
        assert!(!page.contains("Roll back and hold"), "{page}");
    }
}
