//! What happened to the rows.

use clean_engine::Report;
use shared::dataset::Version;

use super::Section;
use crate::text;

/// Most codes that are listed; the report has all of them.
const CODES_MAX: usize = 10;

pub(super) fn sections(version: &Version, report: Option<&Report>) -> [Section; 2] {
    let part = |name: &str| version.parts.get(name).map_or(0, |part| part.rows);
    let held = format!(
        "{}: {} for training, {} for validation, {} held out",
        version.id,
        text::count(part("train")),
        text::count(part("validation")),
        text::count(part("eval")),
    );
    [
        Section::new("Rows", rows(version, report)),
        Section::new("Version", vec![held]),
    ]
}

fn rows(version: &Version, report: Option<&Report>) -> Vec<String> {
    let rows = &version.rows;
    let mut lines = vec![format!(
        "{} read: {} kept, {} rejected, {} duplicates ({})",
        text::count(rows.read),
        text::count(rows.kept),
        text::count(rows.rejected),
        text::count(rows.duplicate),
        version.format,
    )];
    let mut codes: Vec<(&String, u64)> = version.codes.iter().map(|(code, n)| (code, *n)).collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = codes.len().saturating_sub(CODES_MAX);
    for (code, count) in codes.into_iter().take(CODES_MAX) {
        let line = format!(
            "{:>6}  {code:<26}{}",
            text::count(count),
            places(report, code, count)
        );
        lines.push(line.trim_end().to_owned());
    }
    if more > 0 {
        lines.push(format!("        and {more} more codes: see report.json"));
    }
    lines
}

/// The first rows that a code was found in.
fn places(report: Option<&Report>, code: &str, count: u64) -> String {
    let Some(report) = report else {
        return String::new();
    };
    let found = report.lines.get(code).into_iter().flatten();
    let listed: Vec<String> = found
        .filter(|number| **number > 0)
        .map(|number| report.numbers.short_name(*number))
        .collect();
    if listed.is_empty() {
        return String::new();
    }
    let plural = if count == 1 { "" } else { "s" };
    let noun = format!("{}{plural}", report.numbers.noun());
    let rest = if count > listed.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{noun} {}{rest}", listed.join(", "))
}
