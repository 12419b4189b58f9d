//! A batch in a frame: small values in a compact encoding, records and notes verbatim.

use std::{borrow::Cow, collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

use crate::{
    batch::LineCounts,
    column_use::ColumnCounts,
    error::FrameError,
    findings::Findings,
    folded::FoldBuffer,
    names,
    processed::{ProcessedBatch, RowSummary},
    sketch::Sketch,
};

/// Bytes that hold the length of the compact part.
const LENGTH_BYTES: usize = 4;

/// A batch without its records and notes, which follow it.
#[derive(Serialize, Deserialize)]
pub(super) struct BatchFrame<'j> {
    rows: Cow<'j, [RowSummary]>,
    earlier: Cow<'j, [u64]>,
    sketches: Cow<'j, [Option<Sketch>]>,
    findings: CowFindings<'j>,
    short_findings: CowFindings<'j>,
    labels: Cow<'j, BTreeMap<u64, String>>,
    formats: BTreeMap<Cow<'j, str>, u64>,
    columns: Cow<'j, ColumnCounts>,
    lines: LineCounts,
    readable: bool,
    guess: Cow<'j, str>,
    /// Length of the records in bytes.
    records: u64,
}

/// Findings, borrowed for writing and owned after reading.
#[derive(Serialize)]
#[serde(untagged)]
enum CowFindings<'j> {
    Borrowed(&'j Findings),
    Owned(Findings),
}

impl<'de> Deserialize<'de> for CowFindings<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Findings::deserialize(from).map(Self::Owned)
    }
}

impl CowFindings<'_> {
    fn into_owned(self) -> Findings {
        match self {
            Self::Owned(findings) => findings,
            Self::Borrowed(_) => Findings::default(),
        }
    }
}

/// Appends `processed` to `payload`.
pub(super) fn write(processed: &ProcessedBatch, payload: &mut Vec<u8>) -> io::Result<()> {
    let named = |(name, rows): (&&'static str, &u64)| (Cow::Borrowed(*name), *rows);
    let frame = BatchFrame {
        rows: Cow::Borrowed(&processed.rows),
        earlier: Cow::Borrowed(&processed.earlier),
        sketches: Cow::Borrowed(&processed.sketches),
        findings: CowFindings::Borrowed(&processed.findings),
        short_findings: CowFindings::Borrowed(&processed.short_findings),
        labels: Cow::Borrowed(&processed.labels),
        formats: processed.formats.iter().map(named).collect(),
        columns: Cow::Borrowed(&processed.columns),
        lines: processed.lines,
        readable: processed.readable,
        guess: Cow::Borrowed(processed.guess),
        records: u64::try_from(processed.records.len()).map_err(io::Error::other)?,
    };
    let encoded = postcard::to_stdvec(&frame).map_err(io::Error::other)?;
    let length = u32::try_from(encoded.len()).map_err(io::Error::other)?;
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(&encoded);
    payload.extend_from_slice(&processed.records);
    payload.extend_from_slice(&processed.notes);
    Ok(())
}

impl BatchFrame<'_> {
    /// Reads the batch in `payload`, whose checksum has been verified.
    pub(super) fn read(payload: &[u8]) -> Result<ProcessedBatch, FrameError> {
        let wrong = || FrameError::Foreign("a batch cannot be decoded");
        let (length, rest) = payload
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or_else(wrong)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (encoded, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let frame: BatchFrame<'_> = super::decode(encoded)?;
        let records = usize::try_from(frame.records).unwrap_or(usize::MAX);
        let (records, notes) = rest.split_at_checked(records).ok_or_else(wrong)?;
        let unknown = || FrameError::Foreign("it uses names of another version of the code");
        let known = |(name, rows): (Cow<'_, str>, u64)| Some((names::interned(&name)?, rows));
        let formats: Option<_> = frame.formats.into_iter().map(known).collect();
        Ok(ProcessedBatch {
            rows: frame.rows.into_owned(),
            records: records.to_vec(),
            earlier: frame.earlier.into_owned(),
            sketches: frame.sketches.into_owned(),
            notes: notes.to_vec(),
            findings: frame.findings.into_owned(),
            short_findings: frame.short_findings.into_owned(),
            labels: frame.labels.into_owned(),
            formats: formats.ok_or_else(unknown)?,
            columns: frame.columns.into_owned(),
            lines: frame.lines,
            readable: frame.readable,
            guess: names::interned(&frame.guess).ok_or_else(unknown)?,
            fold_buffer: FoldBuffer::default(),
        })
    }
}
