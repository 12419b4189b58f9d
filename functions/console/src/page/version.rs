//! The dataset version that a run is tuned on: counts and codes, never a row.

use maud::{Markup, html};
use shared::{
    dataset::Version,
    quantity::{bytes, count},
};

use super::{definitions, present, when};
use crate::untrusted::untrusted;

/// The section of a run's page.
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
                ("Duplicates dropped", present(count(rows.duplicate))),
                ("Tokens per epoch", present(count(version.tokens))),
                ("Cleaned by", present(untrusted(&version.code_version))),
                ("Cleaned", when(Some(version.created_at))),
            ]))
            @if !version.codes.is_empty() { (codes(version)) }
            (files(version))
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

fn files(version: &Version) -> Markup {
    html! {
        h3 { "Files" }
        table .cards {
            thead {
                tr {
                    th scope="col" { "File" }
                    th scope="col" .number { "Rows" }
                    th scope="col" .number { "Size" }
                    th scope="col" { "Object" }
                }
            }
            tbody {
                @for (name, file) in &version.parts {
                    tr {
                        th scope="row" { (untrusted(name)) }
                        td .number data-label="Rows" { (count(file.rows)) }
                        td .number data-label="Size" { (bytes(file.bytes)) }
                        td data-label="Object" { code { (untrusted(&file.artifact.to_string())) } }
                    }
                }
            }
        }
    }
}
