//! A batch in a frame: small values in a compact encoding, records and notes verbatim.

use std::{borrow::Cow, collections::BTreeMap, io};

use serde::{Deserialize, Serialize};

use super::words;
use crate::{
    batch::Lines,
    error::FrameError,
    judged::{Fact, Judged},
    pass::Ledger,
    sketch::Sketch,
};

/// Bytes that hold the length of the compact part.
const LENGTH_BYTES: usize = 4;

/// A batch without its records and notes, which follow it.
#[derive(Serialize, Deserialize)]
pub(super) struct Leaf<'j> {
    facts: Cow<'j, [Fact]>,
    sketches: Cow<'j, [Option<Sketch>]>,
    ledger: Held<'j>,
    shorts: Held<'j>,
    formats: BTreeMap<Cow<'j, str>, u64>,
    lines: Lines,
    readable: bool,
    guess: Cow<'j, str>,
    /// Length of the records in bytes.
    records: u64,
}

/// A ledger, borrowed for writing and owned after reading.
#[derive(Serialize)]
#[serde(untagged)]
enum Held<'j> {
    Borrowed(&'j Ledger),
    Owned(Ledger),
}

impl<'de> Deserialize<'de> for Held<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ledger::deserialize(from).map(Self::Owned)
    }
}

impl Held<'_> {
    fn into_owned(self) -> Ledger {
        match self {
            Self::Owned(ledger) => ledger,
            Self::Borrowed(_) => Ledger::default(),
        }
    }
}

/// Appends `judged` to `payload`.
pub(super) fn write(judged: &Judged, payload: &mut Vec<u8>) -> io::Result<()> {
    let named = |(name, rows): (&&'static str, &u64)| (Cow::Borrowed(*name), *rows);
    let leaf = Leaf {
        facts: Cow::Borrowed(&judged.facts),
        sketches: Cow::Borrowed(&judged.sketches),
        ledger: Held::Borrowed(&judged.ledger),
        shorts: Held::Borrowed(&judged.shorts),
        formats: judged.formats.iter().map(named).collect(),
        lines: judged.lines,
        readable: judged.readable,
        guess: Cow::Borrowed(judged.guess),
        records: u64::try_from(judged.records.len()).map_err(io::Error::other)?,
    };
    let packed = postcard::to_stdvec(&leaf).map_err(io::Error::other)?;
    let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(&packed);
    payload.extend_from_slice(&judged.records);
    payload.extend_from_slice(&judged.notes);
    Ok(())
}

impl Leaf<'_> {
    /// Reads the batch in `payload`, whose checksum has been verified.
    pub(super) fn read(payload: &[u8]) -> Result<Judged, FrameError> {
        let wrong = || FrameError::Foreign("a batch cannot be decoded");
        let (length, rest) = payload
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or_else(wrong)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (packed, rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let leaf: Leaf<'_> = super::unpack(packed)?;
        let records = usize::try_from(leaf.records).unwrap_or(usize::MAX);
        let (records, notes) = rest.split_at_checked(records).ok_or_else(wrong)?;
        let unknown = || FrameError::Foreign("it uses names of another version of the code");
        let known = |(name, rows): (Cow<'_, str>, u64)| Some((words::known(&name)?, rows));
        let formats: Option<_> = leaf.formats.into_iter().map(known).collect();
        Ok(Judged {
            facts: leaf.facts.into_owned(),
            records: records.to_vec(),
            sketches: leaf.sketches.into_owned(),
            notes: notes.to_vec(),
            ledger: leaf.ledger.into_owned(),
            shorts: leaf.shorts.into_owned(),
            formats: formats.ok_or_else(unknown)?,
            lines: leaf.lines,
            readable: leaf.readable,
            guess: words::known(&leaf.guess).ok_or_else(unknown)?,
        })
    }
}
