//! The data card: what a dataset is, where it comes from and what was done to it, in Markdown.
//!
//! It is stored with the rows, so it may quote them, as the manifest does. It states only what is
//! known: the engine knows neither the purpose of the rows nor their owner.

use std::{borrow::Cow, fmt::Write as _};

use super::text::{RuleLine, columns, group};
use crate::{
    outputs::OutputFile,
    pass::outcome::{Cleaned, Sample},
    report::{Distribution, Report, ReportVerdict},
    rule::Scan,
    rules,
    settings::Settings,
    severity::Severity,
    split::VALIDATION_ROWS_MAX,
    task::Task,
};

/// Longest question or answer quoted, in characters: a card is meant to be skimmed.
const QUOTE_CHARS_MAX: usize = 280;

/// Where a dataset comes from and how it was cleaned.
#[derive(Debug, Clone)]
pub struct Provenance<'p> {
    /// Its name.
    pub name: &'p str,
    /// The file, or the generation of an object.
    pub source: &'p str,
    /// The recipe it was cleaned by, as TOML; omitted from the card if empty.
    pub recipe: &'p str,
    /// The cleaning settings in the recipe.
    pub settings: &'p Settings,
    /// The version of the code that cleaned it.
    pub code_version: &'p str,
    /// The time of the cleaning; omitted if the same rows must produce the same card.
    pub made_at: Option<&'p str>,
}

/// Renders the card of a cleaned dataset.
pub fn card(about: &Provenance<'_>, cleaned: &Cleaned) -> String {
    let mut out = String::new();
    // Writing to a `String` never fails.
    let _: std::fmt::Result = write_all(about, cleaned, &mut out);
    out
}

fn write_all(about: &Provenance<'_>, cleaned: &Cleaned, out: &mut String) -> std::fmt::Result {
    let report = &cleaned.report;
    writeln!(out, "# {}\n\n{}\n", cell(about.name), headline(report))?;
    write_source(about, report, out)?;
    write_rows(report, out)?;
    write_files(about.settings, cleaned, out)?;
    write_tokens(report, out)?;
    write_findings(report, out)?;
    write_samples(&cleaned.samples, out)?;
    write_recipe(about.recipe, out)
}

fn headline(report: &Report) -> String {
    let rows = &report.rows;
    let task = match report.task {
        Task::Generation => "The answers are texts.",
        Task::Classification => "The answers are labels.",
    };
    let verdict = match report.verdict {
        ReportVerdict::Clean => "Every row is kept, and there is nothing to review.",
        ReportVerdict::Findings => "Some findings need a review.",
        ReportVerdict::Unusable => "No row can be used for training.",
    };
    format!(
        "Rows to tune Gemini on: {} of {} are kept. {task} {verdict}",
        group(rows.kept),
        group(rows.read)
    )
}

fn write_source(about: &Provenance<'_>, report: &Report, out: &mut String) -> std::fmt::Result {
    let crc32c = String::from(report.crc32c);
    writeln!(out, "## Source\n\n| | |\n|---|---|")?;
    writeln!(out, "| from | `{}` |", cell(about.source))?;
    writeln!(out, "| bytes | {} |", group(report.bytes))?;
    writeln!(out, "| crc32c | `{crc32c}` |")?;
    writeln!(out, "| container | {} |", report.container)?;
    for (format, rows) in &report.formats {
        writeln!(out, "| rows in format `{format}` | {} |", group(*rows))?;
    }
    if let Some(version) = &report.template_version {
        writeln!(out, "| prompt | version `{version}` |")?;
    }
    writeln!(out, "| cleaned by | Lapidary {} |", about.code_version)?;
    if let Some(at) = about.made_at {
        writeln!(out, "| cleaned at | {at} |")?;
    }
    writeln!(out)
}

fn write_rows(report: &Report, out: &mut String) -> std::fmt::Result {
    let rows = &report.rows;
    writeln!(out, "## Rows\n\n| outcome | rows |\n|---|---:|")?;
    for (outcome, count) in [
        ("read", rows.read),
        ("kept", rows.kept),
        ("rejected, each with a reason", rows.rejected),
        ("duplicate of an earlier row", rows.duplicate),
    ] {
        writeln!(out, "| {outcome} | {} |", group(count))?;
    }
    writeln!(out)
}

fn write_files(settings: &Settings, cleaned: &Cleaned, out: &mut String) -> std::fmt::Result {
    let Some(written) = &cleaned.written else {
        return Ok(());
    };
    writeln!(
        out,
        "## Files\n\n| file | rows | bytes | crc32c | purpose |\n|---|---:|---:|---|---|"
    )?;
    for file in OutputFile::ALL {
        let summary = written.file(file);
        let purpose = match file {
            OutputFile::Train => "training",
            OutputFile::Validation => "monitoring the tuning job",
            OutputFile::Eval => "held out to compare models",
            OutputFile::Rejected => "rejected rows, with reasons and original bytes",
            OutputFile::Corrected => "repaired rows, before and after",
        };
        writeln!(
            out,
            "| `{}.jsonl` | {} | {} | `{}` | {purpose} |",
            file.name(),
            group(summary.rows),
            group(summary.bytes),
            String::from(summary.crc32c)
        )?;
    }
    let alike = if settings.scan.contains(&Scan::NearDuplicates) {
        "near-duplicates are in the same file too"
    } else {
        "in a dataset of up to 24 MiB, so are near-duplicates where the draw places them"
    };
    writeln!(
        out,
        "\nRows are split by question, so that no question is in two files; {alike}. Seed {}; {} % of \
         the rows, at most {}, for validation; at most {} rows for evaluation.\n",
        settings.seed,
        settings.validation_percent,
        group(VALIDATION_ROWS_MAX),
        group(u64::from(settings.eval_rows))
    )
}

fn write_tokens(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.rows.kept == 0 {
        return Ok(());
    }
    let tokens = &report.tokens;
    writeln!(
        out,
        "## Tokens\n\n| per row | min | mean | p50 | p95 | max | sum |\n\
         |---|---:|---:|---:|---:|---:|---:|"
    )?;
    let line =
        |name, spread: &Distribution| format!("| {name} | {} |", columns(spread).join(" | "));
    writeln!(out, "{}", line("input", &tokens.input))?;
    writeln!(out, "{}", line("output", &tokens.output))?;
    let billable = group(tokens.billable());
    writeln!(
        out,
        "\nTraining is billed for about {billable} tokens per epoch. Counting method: {}.\n",
        tokens.method
    )?;
    if let Some(counted) = &tokens.calibration {
        writeln!(
            out,
            "Corrected by the count of {} for {} of the rows: {} tokens, where the estimate is {}.\n",
            cell(&counted.model),
            group(counted.rows),
            group(counted.counted),
            group(counted.estimated)
        )?;
    }
    Ok(())
}

fn write_findings(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.codes.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "## Findings\n\n| finding | count | first {}s | description | action |\n\
         |---|---:|---|---|---|",
        report.numbers.noun()
    )?;
    let codes = report.codes.iter();
    let mut lines: Vec<_> = codes
        .map(|(code, count)| RuleLine::of(report, code, *count))
        .collect();
    lines.sort_by_key(|line| (line.severity, u64::MAX - line.count));
    for line in lines {
        let rule = rules::of_code(line.code);
        let done = match line.severity {
            Severity::Reject => "left out",
            Severity::Warn => "kept: review it",
            Severity::Repair => "repaired",
            Severity::Note | Severity::Off => "nothing",
        };
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {done} |",
            line.code,
            group(line.count),
            line.places,
            rule.map_or("", |rule| rule.doc)
        )?;
    }
    writeln!(out)
}

fn write_samples(samples: &[Sample], out: &mut String) -> std::fmt::Result {
    if samples.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Samples\n\nThe first rows kept, shortened.\n")?;
    for (index, sample) in samples.iter().enumerate() {
        writeln!(out, "{}. input\n", index + 1)?;
        write_quote(&sample.input, out)?;
        writeln!(out, "   output\n")?;
        write_quote(&sample.output, out)?;
    }
    Ok(())
}

/// Quotes a text as code, within a list, so that none of it is interpreted as Markdown.
fn write_quote(text: &str, out: &mut String) -> std::fmt::Result {
    let mut quote: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    if quote.len() < text.len() {
        quote.push('…');
    }
    for line in quote.lines() {
        let line: String = line
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        writeln!(out, "{}", format!("       {line}").trim_end())?;
    }
    writeln!(out)
}

fn write_recipe(recipe: &str, out: &mut String) -> std::fmt::Result {
    if recipe.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Recipe\n")?;
    for line in recipe.lines() {
        writeln!(out, "{}", format!("    {line}").trim_end())?;
    }
    Ok(())
}

/// Escapes a text so that it stays within one table cell.
fn cell(text: &str) -> Cow<'_, str> {
    if !text.contains(['|', '`', '\n', '\r']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('|', "\\|").replace(['`', '\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::tests::clean;

    const ROWS: &str = concat!(
        "{\"input\":\"# Where is\\n\\n```\\nmy | order?\",\"output\":\"It is on its way.\"}\n",
        "{\"prompt\":\"May I return a lamp?\",\"completion\":\" You may, within 30 days.\"}\n",
        "{\"prompt\":\"May I return a lamp?\",\"completion\":\"You may, within 30 days.\"}\n",
        "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n",
        "{\"input\":\"a\"}\n",
    );

    fn card_of(made_at: Option<&str>) -> String {
        let recipe = concat!(
            "[clean]\nseed = 7\ntemplate = \"A customer asks: {input}\"\n\n",
            "[tune]\nbase_model = \"gemini-3.1-flash-lite\"\nepochs = 3\n",
            "learning_rate_multiplier = 1.0\nadapter_size = 4\nbudget_usd = 25.0\n\n",
            "[evaluate]\nrows = 200\n\n[deploy]\ngate = \"better\"\n",
        );
        let table: toml::Table = recipe.parse().unwrap();
        let settings: Settings = table["clean"].clone().try_into().unwrap();
        let (cleaned, _) = clean(ROWS.as_bytes(), &settings);
        let about = Provenance {
            name: "tickets",
            source: "gs://acme-uploads/tickets/a|b`.jsonl#7",
            recipe,
            settings: &settings,
            code_version: "0.0.0",
            made_at,
        };
        card(&about, &cleaned)
    }

    #[test]
    fn a_card_states_what_is_known() {
        insta::assert_snapshot!(card_of(Some("2026-01-02 03:04:05 UTC")));
    }

    #[test]
    fn a_card_without_a_time_is_reproducible() {
        assert_eq!(card_of(None), card_of(None));
        assert!(!card_of(None).contains("cleaned at"));
    }

    #[test]
    fn long_texts_are_cut() {
        let mut out = String::new();
        write_quote(&"é".repeat(QUOTE_CHARS_MAX + 1), &mut out).unwrap();
        let expected = format!("       {}…\n\n", "é".repeat(QUOTE_CHARS_MAX));
        assert_eq!(out, expected);
    }
}
