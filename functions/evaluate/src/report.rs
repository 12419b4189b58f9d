//! The report of an evaluation, for people: one content, as Markdown and as a page with plots.

mod contents;
mod html;
mod markdown;
mod plot;

use shared::evaluation::EvaluationRecord;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Markdown, for reviews and commits.
    Markdown,
    /// One page with its plots in it: it loads nothing.
    Html,
}

impl ReportFormat {
    /// The format of a file with this name; `None` where its ending is another one.
    pub fn of_file(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "md" => Some(Self::Markdown),
            "html" => Some(Self::Html),
            _ => None,
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// The report of `record`. It holds digests of rows, labels and numbers, and no other text of the dataset.
pub fn write(record: &EvaluationRecord, format: ReportFormat) -> String {
    let contents = contents::of(record);
    match format {
        ReportFormat::Markdown => markdown::write(&contents),
        ReportFormat::Html => html::write(&contents),
    }
}

#[cfg(test)]
mod tests;
