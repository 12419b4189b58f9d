//! Intermediate files: what one machine found in a range of bytes, for the machine that merges all
//! ranges.
//!
//! A file consists of frames: a start, one frame for each batch of rows, an end. No frame is used
//! before its checksum has been verified, and a file without an end frame is incomplete.

mod batch;

use std::{
    io::{self, Read, Write},
    ops::Range,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::batch::BatchFrame;
use crate::{
    container::RangeEnd, error::FrameError, meter::Crc32c, plan::Plan, processed::ProcessedBatch,
};

/// The version of the layout; raised with every change.
const VERSION: u8 = 3;

/// Bytes before a frame's payload: version, kind, length, checksum.
const HEAD_BYTES: usize = 10;

/// Longest frame. A batch is half a megabyte of rows, or one row of 8 MiB, which JSON escapes
/// expand sixfold at most: far below this limit. A larger length is corrupt.
const FRAME_MAX_BYTES: usize = 256 << 20;

/// The version of the code that processed the rows; another version may process them differently.
const CODE: &str = env!("CARGO_PKG_VERSION");

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    Start,
    Batch,
    End,
    Plan,
}

impl FrameKind {
    const ALL: [Self; 4] = [Self::Start, Self::Batch, Self::End, Self::Plan];

    fn number(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Batch => 2,
            Self::End => 3,
            Self::Plan => 4,
        }
    }
}

/// The start frame: the range and the code that processed it.
#[derive(Debug, Serialize, Deserialize)]
struct FileHeader {
    code: String,
    range: Range<u64>,
}

/// The end frame.
#[derive(Debug, Serialize, Deserialize)]
struct FileTrailer {
    batches: u64,
    bytes: u64,
    crc32c: u32,
}

/// Writes frames.
pub(crate) struct FrameWriter<'w> {
    out: &'w mut (dyn Write + Send),
    batches: u64,
    /// Reused from frame to frame.
    payload: Vec<u8>,
}

impl<'w> FrameWriter<'w> {
    /// Starts the file of `range`.
    pub(crate) fn start(out: &'w mut (dyn Write + Send), range: Range<u64>) -> io::Result<Self> {
        let code = CODE.to_owned();
        write(out, FrameKind::Start, &encode(&FileHeader { code, range })?)?;
        Ok(Self {
            out,
            batches: 0,
            payload: Vec::new(),
        })
    }

    /// Writes the next batch.
    pub(crate) fn batch(&mut self, processed: &ProcessedBatch) -> io::Result<()> {
        self.payload.clear();
        batch::write(processed, &mut self.payload)?;
        self.batches += 1;
        write(self.out, FrameKind::Batch, &self.payload)
    }

    /// Ends the file.
    pub(crate) fn end(self, end: RangeEnd) -> io::Result<()> {
        let end = FileTrailer {
            batches: self.batches,
            bytes: end.bytes,
            crc32c: end.crc32c.value(),
        };
        write(self.out, FrameKind::End, &encode(&end)?)?;
        self.out.flush()
    }
}

/// Reads frames.
pub(crate) struct FrameReader<'r> {
    read: Box<dyn Read + Send + 'r>,
    /// The bytes that were processed.
    pub(crate) range: Range<u64>,
    batches: u64,
    payload: Vec<u8>,
}

/// The next frame.
pub(crate) enum NextFrame {
    /// A batch.
    Batch(Box<ProcessedBatch>),
    /// The end of the file.
    End(RangeEnd),
}

impl<'r> FrameReader<'r> {
    /// Reads the start frame.
    pub(crate) fn open(mut read: Box<dyn Read + Send + 'r>) -> Result<Self, FrameError> {
        let mut payload = Vec::new();
        if next(&mut *read, &mut payload)? != FrameKind::Start {
            return Err(FrameError::Foreign("it does not begin with a start frame"));
        }
        let start: FileHeader = decode(&payload)?;
        if start.code != CODE {
            return Err(FrameError::Foreign(
                "it was written by another version of the code",
            ));
        }
        Ok(Self {
            read,
            range: start.range,
            batches: 0,
            payload,
        })
    }

    /// Reads the next frame.
    pub(crate) fn next(&mut self) -> Result<NextFrame, FrameError> {
        match next(&mut *self.read, &mut self.payload)? {
            FrameKind::Batch => {
                self.batches += 1;
                let processed = BatchFrame::read(&self.payload)?;
                Ok(NextFrame::Batch(Box::new(processed)))
            }
            FrameKind::End => {
                let end: FileTrailer = decode(&self.payload)?;
                if end.batches != self.batches {
                    return Err(FrameError::Cut);
                }
                Ok(NextFrame::End(RangeEnd {
                    bytes: end.bytes,
                    crc32c: Crc32c::from_value(end.crc32c),
                }))
            }
            FrameKind::Start | FrameKind::Plan => {
                Err(FrameError::Foreign("a frame is out of order"))
            }
        }
    }
}

impl Plan {
    /// The plan as bytes, to send to another machine.
    ///
    /// # Errors
    /// Fails if the plan is too large.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        write(&mut bytes, FrameKind::Plan, &encode(self)?)?;
        Ok(bytes)
    }

    /// Reads a plan from the bytes of [`Plan::to_bytes`].
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, FrameError> {
        let mut payload = Vec::new();
        match next(&mut bytes, &mut payload)? {
            FrameKind::Plan => decode(&payload),
            FrameKind::Start | FrameKind::Batch | FrameKind::End => Err(FrameError::Foreign(
                "expected a plan, found another kind of frame",
            )),
        }
    }
}

fn write(out: &mut dyn Write, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
    if payload.len() > FRAME_MAX_BYTES {
        return Err(io::Error::other("the frame exceeds the size limit"));
    }
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    out.write_all(&[VERSION, kind.number()])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&checksum(kind, payload).to_le_bytes())?;
    out.write_all(payload)
}

/// Reads the next frame into `payload`, and returns its kind.
fn next(read: &mut dyn Read, payload: &mut Vec<u8>) -> Result<FrameKind, FrameError> {
    let mut head = [0; HEAD_BYTES];
    read.read_exact(&mut head).map_err(cut)?;
    let [version, kind, a, b, c, d, crc32c @ ..] = head;
    if version != VERSION {
        return Err(FrameError::Foreign("a frame has another version"));
    }
    let kind = FrameKind::ALL
        .into_iter()
        .find(|known| known.number() == kind);
    let kind = kind.ok_or(FrameError::Foreign("a frame has an unknown kind"))?;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > FRAME_MAX_BYTES {
        return Err(FrameError::Checksum);
    }
    payload.resize(length, 0);
    read.read_exact(payload).map_err(cut)?;
    if checksum(kind, payload) != u32::from_le_bytes(crc32c) {
        return Err(FrameError::Checksum);
    }
    Ok(kind)
}

fn checksum(kind: FrameKind, payload: &[u8]) -> u32 {
    let head = Crc32c::default().append(&[VERSION, kind.number()]);
    head.append(payload).value()
}

fn cut(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        FrameError::Cut
    } else {
        FrameError::Read(error)
    }
}

fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    postcard::from_bytes(bytes).map_err(|_error| FrameError::Foreign("a frame cannot be decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::start(&mut bytes, 0..7).unwrap();
        let processed = ProcessedBatch {
            records: b"records\n".to_vec(),
            guess: "plain text",
            ..ProcessedBatch::default()
        };
        writer.batch(&processed).unwrap();
        writer
            .end(RangeEnd {
                bytes: 7,
                crc32c: Crc32c::default().append(b"content"),
            })
            .unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(usize, RangeEnd), FrameError> {
        let mut reader = FrameReader::open(Box::new(bytes))?;
        let mut records = 0;
        loop {
            match reader.next()? {
                NextFrame::Batch(processed) => records += processed.records.len(),
                NextFrame::End(end) => return Ok((records, end)),
            }
        }
    }

    #[test]
    fn frames_are_read_as_written() {
        let (records, end) = read(&frames()).unwrap();
        assert_eq!((records, end.bytes), (8, 7));
        assert_eq!(end.crc32c, Crc32c::default().append(b"content"));
    }

    #[test]
    fn frames_that_end_early_are_truncated() {
        let whole = frames();
        for length in 0..whole.len() {
            let read = read(&whole[..length]);
            assert!(matches!(read, Err(FrameError::Cut)), "{length}: {read:?}");
        }
    }

    #[test]
    fn any_changed_byte_is_detected() {
        let whole = frames();
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0x10;
            assert!(read(&other).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_plan_survives_encoding() {
        let mut plan = Plan::default();
        plan.contradictions.insert(7, (1, 2));
        plan.oversized_groups.insert(u64::MAX);
        plan.draw_below = Some(9);
        let bytes = plan.to_bytes().unwrap();
        assert_eq!(Plan::from_bytes(&bytes).unwrap(), plan);
        assert!(Plan::from_bytes(&bytes[1..]).is_err());
    }
}
