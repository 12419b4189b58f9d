//! A batch of rows, judged: what each row is, the records of those that may be kept, and words
//! about the others. Rows are still unaware of each other.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use whatlang::Lang;

use crate::{
    batch::LineCounts,
    findings::Findings,
    json::{self, Text},
    row_span::{RowSpan, RowStatus},
    rule::Fault,
    sketch::Sketch,
};

/// What is known of one row.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RowSummary {
    /// Line on which it starts: within the batch, or of the file where the batch counts so.
    pub(crate) line: u64,
    /// Bytes it takes in the dataset, its line end included.
    pub(crate) raw: u32,
    /// What it is.
    pub(crate) kind: RowKind,
    /// Bytes of its record, line end included; 0 if it is rejected.
    pub(crate) record: u32,
    /// Bytes of its note: why it is rejected, or how it was repaired.
    pub(crate) note: u32,
    /// Identifies what is asked: everything but the last turn.
    pub(crate) input: u64,
    /// Identifies the last turn.
    pub(crate) output: u64,
    /// Whether an earlier version compares models with what is asked.
    pub(crate) held_out: bool,
    /// Whether it has a system instruction.
    pub(crate) system: bool,
    /// The language it answers in, where that was looked for and is sure.
    pub(crate) language: Option<Lang>,
    /// Estimated tokens of everything but the model's turns.
    pub(crate) tokens_input: u32,
    /// Estimated tokens of the model's turns.
    pub(crate) tokens_output: u32,
}

/// What a row is on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RowKind {
    /// Left out by a rule; its note says why.
    Rejected,
    /// An example. A note, if there is one, says what was repaired.
    Example,
    /// An example with a short answer: a label, perhaps. Its note says why it is left out if not.
    Short,
    /// An example whose short answer is a label: the key it stands under says so.
    Label,
    /// An example in Gemini's own format with a short answer: whoever wrote it so has decided, and it may
    /// be of our own making.
    Brief,
}

/// A batch of rows, judged.
#[derive(Debug, Default)]
pub(crate) struct ProcessedBatch {
    /// What is known of each row, in order.
    pub(crate) rows: Vec<RowSummary>,
    /// The records of all examples, in order.
    pub(crate) records: Vec<u8>,
    /// What each row says in short, in order, if near-duplicates are looked for; none of a row
    /// that is too short or rejected.
    pub(crate) sketches: Vec<Option<Sketch>>,
    /// The notes of all rows that have one, in order; each lacks its start, the line.
    pub(crate) notes: Vec<u8>,
    /// What was found.
    pub(crate) findings: Findings,
    /// What is wrong with short answers, should they be no labels.
    pub(crate) short_findings: Findings,
    /// Rows by format.
    pub(crate) formats: BTreeMap<&'static str, u64>,
    /// Lines beside rows.
    pub(crate) lines: LineCounts,
    /// Whether any row was JSON.
    pub(crate) readable: bool,
    /// What the first row looks like.
    pub(crate) guess: &'static str,
}

impl ProcessedBatch {
    /// Makes ready for another batch of so many bytes.
    pub(crate) fn reset(&mut self, bytes: usize, findings_max: usize) {
        self.rows.clear();
        self.records.clear();
        // Records are a little longer than plain rows.
        self.records.reserve(bytes + bytes / 8);
        self.sketches.clear();
        self.notes.clear();
        self.findings = Findings::new(findings_max);
        self.short_findings = Findings::new(findings_max);
        self.formats.clear();
        self.lines = LineCounts::default();
        self.readable = false;
        self.guess = "";
    }

    /// Notes why a row is left out, or what was repaired in it, and its original bytes; how long the
    /// note is.
    ///
    /// No `bytes` are given of a row that holds what a recipe redacts or rejects as personal or
    /// secret: what is to leave the dataset must not stay in a file beside it. Only the length is
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

/// The codes of those `faults` of which `is` holds, each once.
pub(crate) fn codes(faults: &[Fault], is: impl Fn(&Fault) -> bool) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = Vec::new();
    for fault in faults.iter().filter(|fault| is(fault)) {
        if !codes.contains(&fault.rule.code) {
            codes.push(fault.rule.code);
        }
    }
    codes
}
