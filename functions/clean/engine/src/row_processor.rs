//! Processes rows one by one: bytes in, a Gemini example or the reasons against it out.
//!
//! Nothing here depends on other rows, so rows can be processed in any order and on any thread.
//! Rows are compared with each other by [`pass`](crate::pass()).

use std::sync::Arc;

use whatlang::Lang;

use crate::{
    batch::Batch,
    brackets::BracketScanner,
    byte_classes::ByteClasses,
    column_use::ColumnCounts,
    container::{Layout, guess_text},
    example::Example,
    expectations::Expectations,
    findings::EnoughFindings,
    folded::FoldedQuestions,
    format::Format,
    formats::{
        self, ReadOptions, columns::ColumnMapping, contents, directives::DeclaredSplit, preference,
    },
    gemini::{self, Prompt, RecordShape},
    identity,
    json::{Object, SyntaxErrorKind, Text, Value, parse},
    keys::Keys,
    language::LanguageDetector,
    plan::Plan,
    processed::{self, ProcessedBatch, RowKind, RowSummary},
    row_span::{RowNumbers, RowSpan, RowStatus},
    rule::{Check, Fault, Row, RowCheck, Rule},
    rules::{
        self,
        short_output::{is_short, is_structured},
    },
    search::Search,
    settings::{Settings, SplitBy},
    severity::Severity,
    sketch::Sketch,
    template::Template,
};

/// Processes rows by the same settings.
pub(crate) struct RowProcessor<'s> {
    settings: &'s Settings,
    plan: &'s Plan,
    layout: Layout,
    /// How rows are found.
    numbers: RowNumbers,
    system: Option<Text<'static>>,
    /// The checks of each row, and which rows they are for.
    checks: Vec<(CheckedRows, RowCheck)>,
    /// What the recipe expects of every answer.
    expectations: Option<Expectations>,
    /// The search for personal data and secrets in each text.
    search: Option<Search>,
    languages: Option<LanguageDetector>,
    /// Whether near-duplicates are looked for.
    sketches: bool,
    /// How rows are read.
    options: ReadOptions,
    template: Option<Template>,
    columns: Option<ColumnMapping>,
    /// Whether notes are written anywhere.
    notes: bool,
    /// Severities of which earlier batches have enough findings.
    enough: Arc<EnoughFindings>,
}

/// The rows in which a check may find something.
#[derive(Debug, Clone, Copy)]
enum CheckedRows {
    All,
    /// Those whose texts contain any of these byte classes.
    With(ByteClasses),
    /// Those that have parts other than texts.
    WithParts,
}

/// A row as it was written.
#[derive(Clone, Copy)]
struct Quoted<'q> {
    span: RowSpan,
    bytes: &'q [u8],
    /// Whether it contains something that must not be written to any file.
    secret: bool,
}

/// A row that was converted.
struct Converted<'a> {
    format: &'static Format,
    example: Example<'a>,
    /// The split that the row names.
    split: Option<DeclaredSplit>,
    /// Byte classes of all texts of the row, ignored ones included.
    byte_classes: ByteClasses,
}

impl<'s> RowProcessor<'s> {
    /// A processor of rows in `layout`, by `settings` and by what an earlier pass found; writes
    /// `notes` or not.
    pub(crate) fn new(settings: &'s Settings, plan: &'s Plan, layout: Layout, notes: bool) -> Self {
        let on = |rule| settings.severity(rule) != Severity::Off;
        let system = settings.system_instruction.as_deref().map(str::trim);
        // Invalid settings were refused before.
        let expectations = Expectations::of(settings).ok().flatten();
        let expects_language = expectations
            .as_ref()
            .is_some_and(Expectations::needs_language);
        Self {
            settings,
            plan,
            layout,
            numbers: RowNumbers::Line,
            system: system.filter(|text| !text.is_empty()).map(Text::of),
            checks: row_checks(settings),
            search: Search::new(settings),
            languages: (expects_language || on(&rules::language_mismatch::RULE))
                .then(LanguageDetector::new),
            expectations,
            sketches: on(&rules::near_duplicate::RULE),
            options: ReadOptions {
                unknown_keys: on(&rules::unknown_key::RULE),
                untrimmed: !on(&rules::trim::RULE),
                score_min: settings.score_min,
                keep_leftovers: !on(&rules::export_leftover::RULE),
            },
            // Invalid settings were refused before.
            template: settings
                .template
                .as_deref()
                .and_then(|text| Template::of(text).ok()),
            columns: ColumnMapping::of(&settings.columns).ok().flatten(),
            notes,
            enough: Arc::default(),
        }
    }

    /// The same, for rows that are found by such `numbers`.
    pub(crate) fn naming(self, numbers: RowNumbers) -> Self {
        Self { numbers, ..self }
    }

    /// The same, comparing rows for near-duplicates in any case, if the dataset is `held` in memory.
    pub(crate) fn comparing(self, held: bool) -> Self {
        let sketches = self.sketches || held;
        Self { sketches, ..self }
    }

    /// The same, describing no finding of which there are `enough`.
    pub(crate) fn leaving_out(self, enough: Arc<EnoughFindings>) -> Self {
        Self { enough, ..self }
    }

    /// Processes all rows of `batch`.
    pub(crate) fn processor(&self, batch: &Batch, processed: &mut ProcessedBatch) {
        processed.reset(batch.length(), self.settings.findings_max);
        processed.findings.leave_out(&self.enough);
        processed.lines = batch.for_each(|span, bytes| {
            if processed.rows.is_empty() {
                processed.guess = guess_text(bytes);
            }
            let summary = self.row(span, bytes, processed);
            processed.rows.push(summary);
        });
    }

    fn row(&self, span: RowSpan, bytes: &[u8], processed: &mut ProcessedBatch) -> RowSummary {
        let mut summary = RowSummary {
            position: span.position,
            raw: u32::try_from(span.length + 1).unwrap_or(u32::MAX),
            kind: RowKind::Rejected,
            record: 0,
            note: 0,
            input: 0,
            exact: 0,
            earlier: 0,
            output: 0,
            held_out: false,
            split: None,
            system: false,
            language: None,
            tokens_input: 0,
            tokens_output: 0,
            tokens_per_turn: 0,
        };
        let mut faults = Vec::new();
        let mut secret = false;
        let start = processed.records.len();
        let converted = self.convert(span.status, bytes, &mut faults, &mut processed.columns);
        let example = match converted {
            Ok(Converted {
                format,
                mut example,
                split,
                byte_classes,
            }) => {
                if let Some(search) = &self.search {
                    secret = search.row(&mut example, byte_classes, &mut faults);
                }
                *processed.formats.entry(format.name).or_default() += 1;
                let prompt = self.prompt(format);
                let shape = gemini::write(&example, prompt, &mut processed.records);
                let record = processed.records.get(start..).unwrap_or_default();
                self.measure(&example, record, &shape.from(start), &mut summary);
                summary.kind = self.kind(format, &example);
                processed.name_label(&summary, &example);
                let system = example.system.as_ref().or(prompt.system);
                let questions = FoldedQuestions::of(&example, system, &mut processed.fold_buffer);
                summary.input = questions.question;
                summary.earlier = u32::try_from(questions.earlier.len()).unwrap_or(u32::MAX);
                summary.held_out = self.plan.held_out.holds(&questions, &example, prompt);
                processed.earlier.extend(questions.earlier);
                summary.split = split.filter(|_| self.settings.split_by == SplitBy::Column);
                let row = Row {
                    example: &example,
                    tokens: summary.tokens_input.saturating_add(summary.tokens_output),
                    byte_classes,
                };
                self.check(&row, summary.language, &mut faults);
                faults.extend(self.plan.contradiction(summary.input, &self.numbers));
                processed.records.push(b'\n');
                summary.record = u32::try_from(processed.records.len() - start).unwrap_or(u32::MAX);
                Some(example)
            }
            Err(fault) => {
                if fault.rule.code == rules::preference_pair::RULE.code {
                    *processed.formats.entry(preference::NAME).or_default() += 1;
                }
                faults.push(fault);
                None
            }
        };
        let quoted = Quoted {
            span,
            bytes,
            secret,
        };
        let not_json = |fault: &Fault| fault.rule.code == rules::invalid_json::RULE.code;
        processed.readable |= !faults.iter().any(not_json);
        let is = |fault: &Fault, severity| self.settings.severity(fault.rule) == severity;
        if self.sketches {
            processed
                .sketches
                .push(example.as_ref().and_then(Sketch::of));
        }
        if faults.iter().any(|fault| is(fault, Severity::Reject)) {
            summary.kind = RowKind::Rejected;
            summary.record = 0;
            processed.records.truncate(start);
            let codes = processed::codes(&faults, |fault| is(fault, Severity::Reject));
            summary.note = self.note(processed, &codes, quoted);
        } else if let (RowKind::Short, Some(example)) = (summary.kind, &example) {
            self.note_short(example, quoted, &mut summary, processed);
        } else {
            // Trimming is not worth a note.
            let news = |fault: &Fault| fault.rule.code != rules::trim::RULE.code;
            let codes = processed::codes(&faults, |f| is(f, Severity::Repair) && news(f));
            if !codes.is_empty() {
                summary.note = self.note(processed, &codes, quoted);
            }
        }
        for fault in faults {
            let severity = self.settings.severity(fault.rule);
            processed.findings.add(fault, severity, span, bytes);
        }
        summary
    }

    /// What a row says; `None` where it cannot be read. Counts its `columns`.
    pub(crate) fn example<'a>(
        &self,
        status: RowStatus,
        bytes: &'a [u8],
        columns: &mut ColumnCounts,
    ) -> Option<Example<'a>> {
        let converted = self.convert(status, bytes, &mut Vec::new(), columns);
        converted.ok().map(|converted| converted.example)
    }

    /// The prompt around rows of `format`.
    fn prompt(&self, format: &Format) -> Prompt<'_> {
        let is_ours = format.name == contents::FORMAT.name;
        Prompt {
            system: self.system.as_ref(),
            template: self.template.as_ref().filter(|_| !is_ours),
        }
    }

    /// Fills the summary of an example from its `record` and its shape.
    fn measure(
        &self,
        example: &Example<'_>,
        record: &[u8],
        shape: &RecordShape,
        summary: &mut RowSummary,
    ) {
        let (question, answer) = identity::digests(record, shape.answer.clone());
        // 32 bits: they distinguish only rows with the same question and answer.
        let exact = (question ^ answer.rotate_left(17)) & u64::from(u32::MAX);
        summary.exact = u32::try_from(exact).unwrap_or_default();
        summary.output = answer;
        summary.system = example.system.is_some() || self.system.is_some();
        let languages = self.languages.as_ref();
        summary.language = languages.and_then(|languages| languages.of(example));
        summary.tokens_input = shape.tokens_input;
        summary.tokens_output = shape.tokens_output;
        summary.tokens_per_turn = shape.tokens_per_turn;
    }

    /// What kind of row an example in `format` is.
    fn kind(&self, format: &Format, example: &Example<'_>) -> RowKind {
        let code = rules::short_output::RULE.code;
        if !is_short(example, self.settings.output_words_min) {
            RowKind::Example
        } else if format.keys.has_any(Keys::LABEL | Keys::CATEGORY)
            || !self.settings.labels.is_empty()
        {
            RowKind::Label
        } else if is_structured(example) || self.settings.expects_form() {
            RowKind::Structured
        } else if format.name == contents::FORMAT.name
            && !self.settings.severities.contains_key(code)
        {
            RowKind::Brief
        } else {
            RowKind::Short
        }
    }

    /// Runs the checks of all rules, and what the recipe expects of an answer in `language`.
    fn check(&self, row: &Row<'_, '_>, language: Option<Lang>, faults: &mut Vec<Fault>) {
        let has_parts = row.example.has_parts_other_than_texts();
        for (checked, check) in &self.checks {
            let is_checked = match checked {
                CheckedRows::All => true,
                CheckedRows::With(byte_classes) => row.byte_classes.has_any(*byte_classes),
                CheckedRows::WithParts => has_parts,
            };
            if is_checked && let Some(fault) = check(row) {
                // Not `extend`, which would copy the fault even where there is none, as is nearly
                // always.
                faults.push(fault);
            }
        }
        if let Some(expected) = &self.expectations {
            faults.extend(expected.check(row.example, language));
        }
    }

    fn note(&self, processed: &mut ProcessedBatch, codes: &[&'static str], row: Quoted<'_>) -> u32 {
        if !self.notes {
            return 0;
        }
        let quotable = |search: &Search| !row.secret && search.is_quotable(row.bytes);
        let quoted = self.search.as_ref().is_none_or(quotable);
        processed.note(codes, row.span, quoted.then_some(row.bytes))
    }

    /// Notes a short answer, which is a fault only if it turns out not to be a label.
    fn note_short(
        &self,
        example: &Example<'_>,
        row: Quoted<'_>,
        summary: &mut RowSummary,
        processed: &mut ProcessedBatch,
    ) {
        let words = self.settings.output_words_min;
        let message = format!("the answer has fewer than {words} words");
        let mut fault = Fault::new(&rules::short_output::RULE).with_message(message);
        if let Some(turn) = example.turns.last() {
            fault = fault.at(turn.location.at).path(turn.location);
        }
        let severity = self.settings.severity(fault.rule);
        processed
            .short_findings
            .add(fault, severity, row.span, row.bytes);
        summary.note = self.note(processed, &[rules::short_output::RULE.code], row);
    }

    /// Converts a row from any format.
    fn convert<'a>(
        &self,
        status: RowStatus,
        bytes: &'a [u8],
        faults: &mut Vec<Fault>,
        columns: &mut ColumnCounts,
    ) -> Result<Converted<'a>, Fault> {
        check_status(&self.layout, status)?;
        let text = simdutf8::compat::from_utf8(bytes).map_err(|error| {
            let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
            rules::invalid_utf8::fault(bytes).at(at)
        })?;
        let (row, byte_classes) = match &self.layout {
            Layout::Json => read_json(status, text, faults)?,
            Layout::Csv(header) => (header.read(text, faults)?, ByteClasses::ALL),
        };
        let earlier = faults.len();
        let shape = columns.shape_of(&row, self.options);
        let mut reading = match (&self.columns, shape.known) {
            (Some(mapped), _) => mapped.read(row, faults, self.options),
            (None, Some(known)) => known.read(row, faults, self.options),
            (None, None) => formats::read(row, faults, self.options),
        };
        columns.count(
            shape,
            reading.as_ref().map_or("", |reading| reading.format.name),
        );
        let refusal = reading.as_mut().err();
        for fault in faults.iter_mut().skip(earlier).chain(refusal) {
            columns.name_as_written(shape, fault);
        }
        let formats::ReadRow {
            format,
            example,
            split,
        } = reading?;
        Ok(Converted {
            format,
            example,
            split,
            byte_classes,
        })
    }
}

/// The checks that `settings` leave on, and the rows in which they may find something.
fn row_checks(settings: &Settings) -> Vec<(CheckedRows, RowCheck)> {
    let on = |rule: &&Rule| settings.severity(rule) != Severity::Off;
    let check = |rule: &'static Rule| match rule.check {
        Check::Row(check) => Some((CheckedRows::All, check)),
        Check::Text(byte_classes, check) => Some((CheckedRows::With(byte_classes), check)),
        Check::Parts(check) => Some((CheckedRows::WithParts, check)),
        Check::Read | Check::Rows | Check::File(_) | Check::Scan(_) => None,
    };
    rules::rules().filter(on).filter_map(check).collect()
}

/// Whether the row was read completely.
fn check_status(layout: &Layout, status: RowStatus) -> Result<(), Fault> {
    match (status, layout) {
        (RowStatus::Whole | RowStatus::Last, _) => Ok(()),
        (RowStatus::Cut, _) => {
            let fault = Fault::new(&rules::csv_fields::RULE);
            Err(fault.with_message("the file was cut off within the record"))
        }
        (RowStatus::TooLong, Layout::Json) => Err(Fault::new(&rules::line_too_long::RULE)),
        (RowStatus::TooLong, Layout::Csv(_)) => {
            let fault = Fault::new(&rules::line_too_long::RULE);
            Err(fault.with_message("the record is longer than 8 MiB: is a quote never closed?"))
        }
    }
}

/// Whether a bracket or a quote in `text`, which is not JSON, is never closed.
fn breaks_off(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && BracketScanner::default().feed(text.as_bytes()).is_none()
}

/// The object in a row of JSON, and the byte classes of its texts.
fn read_json<'a>(
    status: RowStatus,
    text: &'a str,
    faults: &mut Vec<Fault>,
) -> Result<(Object<'a>, ByteClasses), Fault> {
    let parsed = parse(text).map_err(|error| {
        let fault = rules::invalid_json::fault(error);
        let is_broken = error.kind == SyntaxErrorKind::Grammar;
        if status == RowStatus::Last && is_broken && breaks_off(text) {
            let message = format!("{}; the file may be cut off here", error.message);
            fault.with_message(message)
        } else {
            fault
        }
    })?;
    let Value::Object(row) = parsed.node.value else {
        let kind = parsed.node.value.kind();
        return Err(
            Fault::new(&rules::not_an_object::RULE).with_message(format!("the row is {kind}"))
        );
    };
    if let Some(at) = parsed.repeats.first() {
        faults.push(Fault::new(&rules::duplicate_keys::RULE).at(*at));
    }
    Ok((row, parsed.byte_classes))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[test]
    fn only_a_row_that_breaks_off_may_be_cut_off() {
        let deep = "[".repeat(70);
        let deep = format!("{{\"input\":{deep}");
        for (row, message) in [
            (
                r#"{"input":"a"#,
                "the string is never closed; the file may be cut off here",
            ),
            (
                r#"{"input":"a","output":"b""#,
                "expected `,` or `}`; the file may be cut off here",
            ),
            (
                r#"{"input":"a",}"#,
                "trailing comma before the closing bracket",
            ),
            ("oops", "expected a JSON value"),
            (
                r#"{"input":"\ud800","output":"b"}"#,
                super::rules::lone_surrogate::RULE.doc,
            ),
            (&deep, super::rules::too_deep::RULE.doc),
        ] {
            let report = report_on(&format!("{{\"input\":\"a\",\"output\":\"b\"}}\n{row}"));
            let found = report.findings.iter().find(|finding| finding.line == 2);
            assert_eq!(found.unwrap().message, message, "{row}");
        }
    }
}
