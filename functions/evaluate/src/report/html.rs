//! A report as one page that loads nothing.

use maud::{DOCTYPE, Markup, html};

use super::{
    contents::{ReportContents, ReportSection, ReportTable},
    plot,
};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#222;background:#fff}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;\
border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}\
svg{display:block;margin:1rem 0;max-width:100%}h1 small{color:#666}";

/// The whole page.
pub(super) fn write(contents: &ReportContents) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (contents.title) }
                style { (STYLE) }
            }
            body {
                h1 { (contents.title) " " small { (contents.verdict) } }
                @for part in &contents.sections { (section(part)) }
            }
        }
    };
    page.into_string()
}

fn section(section: &ReportSection) -> Markup {
    html! {
        h2 { (section.title) }
        @for sentence in &section.sentences { p { (sentence) } }
        @if !section.bars.is_empty() { (plot::intervals(section.title, &section.bars)) }
        @if let Some(table) = &section.table { (grid(table)) }
    }
}

fn grid(table: &ReportTable) -> Markup {
    html! {
        table {
            thead { tr { @for cell in &table.head { th { (cell) } } } }
            tbody {
                @for row in &table.rows {
                    tr { @for cell in row { td { (cell) } } }
                }
            }
        }
    }
}
