//! A processed batch: the summaries of its rows, the records of those that may be kept, and notes
//! about the others. Rows are not compared with each other yet.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use whatlang::Lang;

use crate::{
    batch::LineCounts,
    column_use::ColumnCounts,
    example::Example,
    findings::Findings,
    folded::{FoldBuffer, folded_name},
    formats::directives::DeclaredSplit,
    json::{self, Text},
    row_span::{RowPosition, RowSpan, RowStatus},
    rule::Fault,
    sketch::Sketch,
};

/// Most short answers of a batch whose names are noted.
const LABELS_MAX: usize = 1_000;

/// Longest name of a label.
const LABEL_BYTES_MAX: usize = 256;

/// The summary of one row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RowSummary {
    /// Which row it is; lines are counted from the start of the batch or of the file, as the batch
    /// does.
    pub(crate) position: RowPosition,
    /// Bytes it takes in the dataset, with its line end.
    pub(crate) raw: u32,
    /// What kind of row it is.
    pub(crate) kind: RowKind,
    /// Bytes of its record, with the line end; 0 if it is rejected.
    pub(crate) record: u32,
    /// Bytes of its note: why it is rejected, or how it was repaired.
    pub(crate) note: u32,
    /// Digest of the question, everything but the last turn, however it is written.
    pub(crate) input: u64,
    /// Digest of the whole row, as it is written.
    pub(crate) exact: u32,
    /// The number of earlier questions: those before the model's other turns.
    pub(crate) earlier: u32,
    /// Digest of the answer: the last turn.
    pub(crate) output: u64,
    /// Whether an earlier version holds out the question.
    pub(crate) held_out: bool,
    /// The split that the row names.
    pub(crate) split: Option<DeclaredSplit>,
    /// Whether it has a system instruction.
    pub(crate) system: bool,
    /// The language of the answer, where it was detected with confidence.
    pub(crate) language: Option<Lang>,
    /// Estimated tokens of everything but the model's turns.
    pub(crate) tokens_input: u32,
    /// Estimated tokens of the model's turns.
    pub(crate) tokens_output: u32,
    /// Estimated tokens where each model turn is billed with all that precedes it.
    pub(crate) tokens_per_turn: u32,
}

impl RowSummary {
    /// What tells rows with the same question apart: the answer, and how the row is written.
    pub(crate) fn answer_key(&self) -> u64 {
        self.output & !u64::from(u32::MAX) | u64::from(self.exact)
    }
}

/// What a row is, looked at on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RowKind {
    /// Rejected by a rule; its note says why.
    Rejected,
    /// An example. A note, if there is one, says what was repaired.
    Example,
    /// An example with a short answer, which may be a label. Its note says why it is rejected if
    /// not.
    Short,
    /// An example whose short answer is a label, by its key.
    Label,
    /// An example whose short answer is data or code. It may be a label, too.
    Structured,
    /// An example in Gemini's own format with a short answer. It is kept, since its author chose to
    /// write it so; it may also be a file of ours that is cleaned again.
    Brief,
}

/// A processed batch of rows.
#[derive(Debug, Default)]
pub(crate) struct ProcessedBatch {
    /// The summary of each row, in order.
    pub(crate) rows: Vec<RowSummary>,
    /// The records of all examples, in order.
    pub(crate) records: Vec<u8>,
    /// The digests of the earlier questions of all rows, in order.
    pub(crate) earlier: Vec<u64>,
    /// Room to fold the questions of a row in.
    pub(crate) fold_buffer: FoldBuffer,
    /// A sketch of each row, in order, if near-duplicates are looked for; `None` for rows that are
    /// too short or rejected.
    pub(crate) sketches: Vec<Option<Sketch>>,
    /// The notes of all rows that have one, in order; each lacks its first member, the line.
    pub(crate) notes: Vec<u8>,
    /// The findings.
    pub(crate) findings: Findings,
    /// The faults of short answers, which count only if these turn out not to be labels.
    pub(crate) short_findings: Findings,
    /// The names of short answers, by their digests.
    pub(crate) labels: BTreeMap<u64, String>,
    /// Rows by format.
    pub(crate) formats: BTreeMap<&'static str, u64>,
    /// The columns of the rows.
    pub(crate) columns: ColumnCounts,
    /// Lines, blank ones included.
    pub(crate) lines: LineCounts,
    /// Whether any row was JSON.
    pub(crate) readable: bool,
    /// What the first row looks like.
    pub(crate) guess: &'static str,
}

impl ProcessedBatch {
    /// Clears everything for a batch of this many bytes.
    pub(crate) fn reset(&mut self, bytes: usize, findings_max: usize) {
        self.rows.clear();
        self.records.clear();
        // Records are slightly longer than plain rows.
        self.records.reserve(bytes + bytes / 8);
        self.earlier.clear();
        self.sketches.clear();
        self.notes.clear();
        self.findings = Findings::new(findings_max);
        self.short_findings = Findings::new(findings_max);
        self.labels.clear();
        self.formats.clear();
        self.columns.clear();
        self.lines = LineCounts::default();
        self.readable = false;
        self.guess = "";
    }

    /// Notes the name of a short answer, which may be a label.
    pub(crate) fn name_label(&mut self, row: &RowSummary, example: &Example<'_>) {
        let is_short = matches!(row.kind, RowKind::Short | RowKind::Label | RowKind::Brief);
        if !is_short || self.labels.len() >= LABELS_MAX || self.labels.contains_key(&row.output) {
            return;
        }
        let Some(text) = example.turns.last().and_then(|turn| turn.texts().next()) else {
            return;
        };
        if text.escaped().len() <= LABEL_BYTES_MAX {
            self.labels.insert(row.output, folded_name(&text.plain()));
        }
    }

    /// Writes a note on why a row is rejected or what was repaired in it, with its original bytes;
    /// returns the length of the note.
    ///
    /// `bytes` is `None` for a row with personal data or secrets that a recipe redacts or rejects:
    /// what is to leave the dataset must not stay in a file next to it. Then only the length is
    /// noted.
    pub(crate) fn note(
        &mut self,
        codes: &[&'static str],
        span: RowSpan,
        bytes: Option<&[u8]>,
    ) -> u32 {
        let (start, out) = (self.notes.len(), &mut self.notes);
        out.extend_from_slice(b"{\"codes\":[");
        for (index, code) in codes.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(code.as_bytes());
            out.push(b'"');
        }
        out.push(b']');
        let text = bytes.map(|bytes| (bytes, simdutf8::basic::from_utf8(bytes)));
        match (span.status, text) {
            (RowStatus::TooLong, _) | (_, None) => {
                out.extend_from_slice(b",\"bytes\":");
                out.extend_from_slice(span.length.to_string().as_bytes());
            }
            (RowStatus::Whole | RowStatus::Last | RowStatus::Cut, Some((_, Ok(text)))) => {
                out.extend_from_slice(b",\"raw\":");
                json::write_text(&Text::of(text), out);
            }
            (RowStatus::Whole | RowStatus::Last | RowStatus::Cut, Some((bytes, Err(_)))) => {
                out.extend_from_slice(b",\"raw_base64\":\"");
                out.extend_from_slice(BASE64.encode(bytes).as_bytes());
                out.push(b'"');
            }
        }
        out.extend_from_slice(b"}\n");
        u32::try_from(self.notes.len() - start).unwrap_or(u32::MAX)
    }
}

/// The codes of the `faults` that satisfy `is`, without repeats.
pub(crate) fn codes(faults: &[Fault], is: impl Fn(&Fault) -> bool) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = Vec::new();
    for fault in faults.iter().filter(|fault| is(fault)) {
        if !codes.contains(&fault.rule.code) {
            codes.push(fault.rule.code);
        }
    }
    codes
}
