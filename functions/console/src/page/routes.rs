//! The routes: which model answers under each name.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use shared::route::Route;

use super::{Refresh, layout};
use crate::{moment::moment, untrusted::untrusted, view::NamedRoute};

/// The page.
pub(crate) fn page(routes: &[NamedRoute]) -> Markup {
    let body = html! {
        h1 { "Routes" }
        @if routes.is_empty() {
            p { "No routes yet. A name gets one when its first run has been tuned." }
        } @else {
            table .cards {
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th scope="col" { "Answered by" }
                        th scope="col" { "State" }
                        th scope="col" { "Latest change" }
                    }
                }
                tbody { @for named in routes { (row(named)) } }
            }
            p .links { a href="/v1/routes" { "As JSON" } }
        }
    };
    layout("Routes", Refresh::Off, &body)
}

fn row(named: &NamedRoute) -> Markup {
    let NamedRoute { name, route } = named;
    html! {
        tr {
            th scope="row" { a href=(format!("/routes/{name}")) { (name) } }
            td data-label="Answered by" {
                (answered_by(route.target.as_ref().map(|target| target.run.as_str()), route))
            }
            td data-label="State" { (state(route)) }
            td data-label="Latest change" {
                @if let Some(at) = latest(route) { (moment(at)) }
                div .minor { "version " (route.version) }
            }
        }
    }
}

/// The run whose model it is, as a link; `None`: the base model.
pub(super) fn answered_by(run: Option<&str>, route: &Route) -> Markup {
    html! {
        @match run {
            Some(run) => { "run " a href=(format!("/runs/{run}")) { (untrusted(run)) } }
            None => { "base model " (untrusted(&route.base)) }
        }
    }
}

/// Whether functions move it, and what is on trial.
pub(super) fn state(route: &Route) -> Markup {
    html! {
        @if route.hold.is_some() { span .state.action-needed { "held" } " " }
        @if let Some(canary) = &route.canary {
            span .state.working {
                @if canary.is_shadow { "canary in the shadow" } @else { "canary " (canary.percent()) " %" }
            } " "
        }
    }
}

fn latest(route: &Route) -> Option<DateTime<Utc>> {
    let moved = route.history.last().map(|change| change.at);
    let tried = route.canary_history.last().map(|change| change.at);
    moved.max(tried)
}
