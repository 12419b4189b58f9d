//! What every page has in common.

mod changes;
mod evaluation;
mod job;
pub(crate) mod route;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod uploads;
mod version;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};
use shared::quantity::span;

use crate::{moment::moment, run_status::RunStatus, untrusted::untrusted};

/// Seconds after which a page reloads itself, if asked to; `watch` writes once a minute.
const REFRESH_S: u32 = 20;

/// Whether a page reloads itself. Only on request: a reload would make a reader lose their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl Refresh {
    /// What the query asks for: `?fresh`.
    pub(crate) fn asked(request: &HttpRequest) -> Self {
        if request.query_string() == "fresh" {
            Self::On
        } else {
            Self::Off
        }
    }

    /// The link that switches to the other.
    fn link(self) -> Markup {
        html! {
            p .fresh {
                @match self {
                    Self::On => {
                        "Reloads every " (REFRESH_S) " s. " a href="?" { "Stop" }
                    }
                    Self::Off => a href="?fresh" { "Reload automatically" }
                }
            }
        }
    }
}

/// A response with a page.
pub(crate) fn answer(status: StatusCode, page: Markup) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(page.into_string())
}

/// The page for a failure.
pub(crate) fn failure(status: StatusCode, words: &str) -> Markup {
    let title = status.canonical_reason().unwrap_or("Failure");
    let body = html! {
        h1 { (title) }
        p { (untrusted(words)) "." }
        p { a href="/" { "All runs" } }
    };
    layout(title, Refresh::Off, &body)
}

fn layout(title: &str, refresh: Refresh, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if refresh == Refresh::On { meta http-equiv="refresh" content=(REFRESH_S); }
                title { (title) " · Lapidary" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
            }
            body {
                header {
                    a .brand href="/" { "Lapidary" }
                    nav { a href="/" { "Runs" } a href="/routes" { "Routes" } a href="/uploads" { "Uploads" } }
                }
                main { (body) }
            }
        }
    }
}

/// A run's state, what it does, and since when.
fn status_line(state: &str, status: &RunStatus, now: DateTime<Utc>) -> Markup {
    html! {
        span .state.(status.severity.class()) { (state.replace('_', " ")) }
        " " (untrusted(&status.doing))
        @if let Some(since) = status.since { span .since { ", for " (span(now - since)) } }
    }
}

/// A list of names and values; a name without a value is left out.
fn definitions(rows: &[(&str, Option<Markup>)]) -> Markup {
    html! {
        dl {
            @for (name, value) in rows {
                @if let Some(value) = value { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// A value that is always present.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the other rows of a list may be absent"
)]
fn present(value: impl maud::Render) -> Option<Markup> {
    Some(html! { (value) })
}

fn when(at: Option<DateTime<Utc>>) -> Option<Markup> {
    at.map(moment)
}
