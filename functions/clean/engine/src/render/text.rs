//! The report as text, for a terminal of at least 80 columns; at most 60 lines.

use std::fmt::Write as _;

use crate::{
    finding::Finding,
    report::{ColumnUse, Distribution, Report, ReportVerdict},
    severity::Severity,
    task::Task,
};

/// Most columns named of each use.
const COLUMNS_MAX: usize = 6;

/// Most codes in the table, so that the report stays within 60 lines.
const CODES_MAX: usize = 22;

/// Most findings quoted below the table.
const FINDINGS_MAX: usize = 8;

/// Renders `report` as text.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a `String` never fails.
    let _: std::fmt::Result = write_all(report, &mut out);
    out
}

fn write_all(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}", headline(report))?;
    writeln!(out)?;
    write_source(report, out)?;
    if report.rows.kept > 0 {
        write_parts(report, out)?;
    }
    write_codes(report, out)?;
    write_findings(report, out)?;
    writeln!(out)?;
    writeln!(out, "Next: {}", next_step(report))
}

fn headline(report: &Report) -> String {
    let rows = &report.rows;
    match report.verdict {
        ReportVerdict::Clean => format!("Clean: {}.", all_kept(rows.kept)),
        ReportVerdict::Findings if rows.kept == rows.read => {
            format!("Usable, with findings: {}.", all_kept(rows.kept))
        }
        ReportVerdict::Findings => format!(
            "Usable, with findings: {} of {} rows are kept.",
            group(rows.kept),
            group(rows.read)
        ),
        ReportVerdict::Unusable => match gravest_of_file(report) {
            Some(finding) => format!("Unusable: {}.", finding.message),
            None => format!(
                "Unusable: none of the {} rows can be kept.",
                group(rows.read)
            ),
        },
    }
}

/// The most severe finding about the whole file.
fn gravest_of_file(report: &Report) -> Option<&Finding> {
    let findings = report.findings.iter();
    let of_file = findings.filter(|finding| finding.line == 0);
    of_file.min_by_key(|finding| finding.severity)
}

fn all_kept(rows: u64) -> String {
    match rows {
        1 => "the only row is kept".to_owned(),
        rows => format!("all {} rows are kept", group(rows)),
    }
}

fn write_source(report: &Report, out: &mut String) -> std::fmt::Result {
    let rows = &report.rows;
    let (bytes, crc32c) = (group(report.bytes), String::from(report.crc32c));
    writeln!(out, "  file    {bytes} bytes, crc32c {crc32c}")?;
    if report.container == "unreadable" || report.container == "empty" {
        return Ok(());
    }
    let format = report.format.as_deref().unwrap_or("no known format");
    let task = match report.task {
        Task::Generation => "",
        Task::Classification => ", answers are labels",
    };
    let mut container = report.container.clone();
    for unusual in [&report.encoding, &report.compression] {
        if !matches!(unusual.as_str(), "" | "none" | "utf-8" | "binary") {
            container.extend([", ", unusual]);
        }
    }
    writeln!(out, "  format  {format} in {container}{task}")?;
    writeln!(
        out,
        "  rows    {} read = {} kept + {} rejected + {} duplicate",
        group(rows.read),
        group(rows.kept),
        group(rows.rejected),
        group(rows.duplicate)
    )?;
    write_columns(report, out)?;
    if report.blank_lines > 0 {
        writeln!(
            out,
            "          and {} blank lines",
            group(report.blank_lines)
        )?;
    }
    Ok(())
}

/// What became of the columns, where any is not read under its own name.
fn write_columns(report: &Report, out: &mut String) -> std::fmt::Result {
    if report
        .columns
        .values()
        .all(|column| column.used == ColumnUse::Read)
    {
        return Ok(());
    }
    for (used, what) in [
        (ColumnUse::Read, "read"),
        (ColumnUse::Converted, "obeyed, or read under another name"),
        (ColumnUse::Ignored, "not read"),
    ] {
        let columns = report.columns.iter();
        let of_use = columns.filter(|(_, column)| column.used == used);
        let mut names: Vec<String> = of_use
            .map(|(name, column)| format!("{name} ({})", group(column.rows)))
            .collect();
        if names.is_empty() {
            continue;
        }
        let more = names.len().saturating_sub(COLUMNS_MAX);
        names.truncate(COLUMNS_MAX);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        writeln!(out, "  columns {what}: {}", names.join(", "))?;
    }
    Ok(())
}

fn write_parts(report: &Report, out: &mut String) -> std::fmt::Result {
    let splits = &report.splits;
    writeln!(
        out,
        "  split   {} train, {} validation, {} held out for evaluation",
        group(splits.train),
        group(splits.validation),
        group(splits.eval)
    )?;
    let line = |name, spread: &Distribution| {
        let [min, mean, p50, p95, max, sum] = columns(spread);
        format!("  {name:<7} {min:>9} {mean:>9} {p50:>9} {p95:>9} {max:>9} {sum:>13}")
    };
    writeln!(out)?;
    writeln!(
        out,
        "  tokens* {:>9} {:>9} {:>9} {:>9} {:>9} {:>13}",
        "min", "mean", "p50", "p95", "max", "sum"
    )?;
    writeln!(out, "{}", line("input", &report.tokens.input))?;
    writeln!(out, "{}", line("output", &report.tokens.output))?;
    let billable = group(report.tokens.billable());
    writeln!(
        out,
        "  training is billed for about {billable} tokens per epoch"
    )?;
    writeln!(out, "  * {}", report.tokens.method)
}

fn write_codes(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.codes.is_empty() {
        return Ok(());
    }
    let mut codes: Vec<RuleLine<'_>> = report
        .codes
        .iter()
        .map(|(code, count)| RuleLine::of(report, code, *count))
        .collect();
    codes.sort_by_key(|line| (line.severity, u64::MAX - line.count));
    writeln!(out)?;
    writeln!(
        out,
        "  {:<25} {:<7} {:>9}  first {}s",
        "finding",
        "action",
        "count",
        report.numbers.noun()
    )?;
    for line in codes.iter().take(CODES_MAX) {
        let (code, severity, count) = (line.code, line.severity.name(), group(line.count));
        writeln!(
            out,
            "  {code:<25} {severity:<7} {count:>9}  {}",
            line.places
        )?;
    }
    if codes.len() > CODES_MAX {
        writeln!(out, "  and {} more codes", codes.len() - CODES_MAX)?;
    }
    Ok(())
}

/// A line about one code.
pub(super) struct RuleLine<'r> {
    pub(super) code: &'r str,
    pub(super) severity: Severity,
    pub(super) count: u64,
    /// The first rows.
    pub(super) places: String,
}

impl<'r> RuleLine<'r> {
    pub(super) fn of(report: &Report, code: &'r str, count: u64) -> Self {
        let lines = report
            .lines
            .get(code)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut places: Vec<String> = lines
            .iter()
            .filter(|line| **line > 0)
            .map(|number| report.numbers.short_name(*number))
            .collect();
        if places.is_empty() {
            places.push("whole file".to_owned());
        } else if count > u64::try_from(places.len()).unwrap_or(u64::MAX) {
            places.push("…".to_owned());
        }
        Self {
            code,
            severity: report.actions.get(code).copied().unwrap_or(Severity::Note),
            count,
            places: places.join(", "),
        }
    }
}

/// Writes one finding of each rejecting or warning code, the most severe first, with its fix.
fn write_findings(report: &Report, out: &mut String) -> std::fmt::Result {
    let mut shown: Vec<&Finding> = Vec::new();
    for severity in [Severity::Reject, Severity::Warn] {
        for finding in report.findings.iter().filter(|f| f.severity == severity) {
            if shown.iter().all(|earlier| earlier.code != finding.code) {
                shown.push(finding);
            }
        }
    }
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let more = shown.len().saturating_sub(FINDINGS_MAX);
    for finding in shown.into_iter().take(FINDINGS_MAX) {
        let place = &finding.place;
        let path = finding
            .path
            .as_ref()
            .map(|path| format!(" at `{path}`"))
            .unwrap_or_default();
        writeln!(out, "  {place}: {}{path}", finding.message)?;
        writeln!(out, "      {}: {}", finding.code, finding.fix)?;
    }
    if more > 0 {
        writeln!(
            out,
            "  and {more} more codes; the JSON report has all of them"
        )?;
    }
    Ok(())
}

fn next_step(report: &Report) -> &'static str {
    match report.verdict {
        ReportVerdict::Clean => "upload it.",
        ReportVerdict::Findings if report.rows.rejected == 0 => {
            "review the findings; the file can be uploaded as it is."
        }
        ReportVerdict::Findings => {
            "fix the rejected rows and run `check` again, or upload the file without them."
        }
        ReportVerdict::Unusable => {
            "fix the file and run `check` again; no row can be used for tuning."
        }
    }
}

/// The columns of a distribution: min, mean, p50, p95, max, sum.
pub(super) fn columns(spread: &Distribution) -> [String; 6] {
    let (min, p50) = (spread.min.into(), spread.p50.into());
    let (p95, max) = (spread.p95.into(), spread.max.into());
    [min, spread.mean, p50, p95, max, spread.sum].map(group)
}

/// `1234567` as `1,234,567`.
pub(super) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(group(number), expected);
        }
    }
}
