//! What a run tunes on: counts and codes, never a row.

use maud::{Markup, html};
use shared::dataset::Version;

use super::{definitions, present, when};
use crate::{
    quantity::{bytes, count},
    untrusted::untrusted,
};

/// Its part of a run's page.
pub(super) fn section(version: &Version) -> Markup {
    let rows = &version.rows;
    let source = html! { code { (untrusted(&version.source.to_string())) } };
    html! {
        section {
            h2 { "Dataset version" }
            (definitions(&[
                ("Version", present(version.id.as_str())),
                ("Made from", Some(source)),
                ("Size", present(bytes(version.source_bytes))),
                ("Format", present(untrusted(&version.format))),
                ("Task", present(untrusted(&version.task))),
                ("Rows read", present(count(rows.read))),
                ("Rows kept", present(count(rows.kept))),
                ("Rows rejected", present(count(rows.rejected))),
                ("Repeats dropped", present(count(rows.duplicate))),
                ("Tokens of one pass", present(count(version.tokens))),
                ("Cleaned by", present(untrusted(&version.code_version))),
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
                        th scope="row" { code { (untrusted(code)) } }
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
                        th scope="row" { (untrusted(name)) }
                        td .number data-label="Rows" { (count(part.rows)) }
                        td .number data-label="Size" { (bytes(part.bytes)) }
                        td data-label="Object" { code { (untrusted(&part.artifact.to_string())) } }
                    }
                }
            }
        }
    }
}
