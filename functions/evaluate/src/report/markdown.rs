//! A report as Markdown.

use std::fmt::Write as _;

use super::contents::{ReportContents, ReportTable};

/// The whole text.
pub(super) fn write(contents: &ReportContents) -> String {
    let mut text = format!("# {}: {}\n", contents.title, contents.verdict);
    for section in &contents.sections {
        // Writing to a text does not fail.
        let _written = write!(text, "\n## {}\n\n", section.title);
        for sentence in &section.sentences {
            let _written = writeln!(text, "- {}", escaped(sentence));
        }
        if let Some(table) = &section.table {
            text.push('\n');
            text.push_str(&grid(table));
        }
    }
    text
}

fn grid(table: &ReportTable) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head = table.head.iter().map(|cell| (*cell).to_owned());
    let mut text = line(head.collect());
    let rule = |(column, _): (usize, &&str)| if column == 0 { "---" } else { "---:" }.to_owned();
    text.push_str(&line(table.head.iter().enumerate().map(rule).collect()));
    for row in &table.rows {
        text.push_str(&line(row.iter().map(|cell| escaped(cell)).collect()));
    }
    text
}

/// A label is text of a dataset: it must not end a cell, nor begin a link, an image or a tag.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '|' | '[' | ']' | '*' | '\\' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}
