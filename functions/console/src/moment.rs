//! Moments, as a page shows them.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

/// A moment, to the minute, for people and programs.
pub(crate) fn moment(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    html! {
        time datetime=(exact) { (at.format("%Y-%m-%d %H:%M").to_string()) " UTC" }
    }
}
