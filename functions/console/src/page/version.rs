//! What a run tunes on: counts and codes, never a row.

use maud::{Markup, html};
use shared::{
    dataset::Version,
    quantity::{bytes, count},
};

use super::{fact, facts, when};
use crate::text::foreign;

/// Its part of a run's page.
pub(super) fn section(version: &Version) -> Markup {
    let rows = &version.rows;
    let source = html! { code { (foreign(&version.source.to_string())) } };
    html! {
        section {
            h2 { "Dataset version" }
            (facts(&[
                ("Version", fact(version.id.as_str())),
                ("Made from", Some(source)),
                ("Size", fact(bytes(version.source_bytes))),
                ("Format", fact(foreign(&version.format))),
                ("Task", fact(foreign(&version.task))),
                ("Rows read", fact(count(rows.read))),
                ("Rows kept", fact(count(rows.kept))),
                ("Rows rejected", fact(count(rows.rejected))),
                ("Repeats dropped", fact(count(rows.duplicate))),
                ("Tokens of one pass", fact(count(version.tokens))),
                ("Cleaned by", fact(foreign(&version.code_version))),
                ("Cleaned", when(Some(version.created_at))),
            ]))
            @if !version.codes.is_empty() { (codes(version)) }
            (parts(version))
        }
    }
}

fn codes(version: &Version) -> Markup {
    html! {
        h3 { "Findings" }
        table {
            thead { tr { th scope="col" { "Code" } th scope="col" .number { "Rows" } } }
            tbody {
                @for (code, rows) in &version.codes {
                    tr {
                        th scope="row" { code { (foreign(code)) } }
                        td .number { (count(*rows)) }
                    }
                }
            }
        }
    }
}

fn parts(version: &Version) -> Markup {
    html! {
        h3 { "Parts" }
        table .cards {
            thead {
                tr {
                    th scope="col" { "Part" }
                    th scope="col" .number { "Rows" }
                    th scope="col" .number { "Size" }
                    th scope="col" { "Object" }
                }
            }
            tbody {
                @for (name, part) in &version.parts {
                    tr {
                        th scope="row" { (foreign(name)) }
                        td .number data-label="Rows" { (count(part.rows)) }
                        td .number data-label="Size" { (bytes(part.bytes)) }
                        td data-label="Object" { code { (foreign(&part.artifact.to_string())) } }
                    }
                }
            }
        }
    }
}
