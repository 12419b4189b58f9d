//! Intermediate files: what one machine found in a range of bytes, for the machine that merges all
//! ranges.
//!
//! A file consists of frames: a start, one frame for each batch of rows, an end. No frame is used
//! before its checksum has been verified, and a file without an end frame is incomplete.

mod leaf;
pub(crate) mod words;

use std::{
    io::{self, Read, Write},
    ops::Range,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::leaf::Leaf;
use crate::{container::StretchEnd, error::FrameError, judged::Judged, meter::Crc32c, plan::Plan};

/// The version of the layout; raised with every change.
const VERSION: u8 = 1;

/// Bytes before a frame's payload: version, kind, length, checksum.
const HEAD_BYTES: usize = 10;

/// Longest frame. A batch is half a megabyte of rows, or one row of 8 MiB, which JSON escapes
/// expand sixfold at most: far below this limit. A larger length is corrupt.
const FRAME_MAX_BYTES: usize = 256 << 20;

/// The version of the code that processed the rows; another version may process them differently.
const CODE: &str = env!("CARGO_PKG_VERSION");

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Batch,
    End,
    Plan,
}

impl Kind {
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
struct Start {
    code: String,
    range: Range<u64>,
}

/// The end frame.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    batches: u64,
    bytes: u64,
    crc32c: u32,
}

/// Writes frames.
pub(crate) struct Writer<'w> {
    out: &'w mut (dyn Write + Send),
    batches: u64,
    /// Reused from frame to frame.
    payload: Vec<u8>,
}

impl<'w> Writer<'w> {
    /// Starts the file of `range`.
    pub(crate) fn start(out: &'w mut (dyn Write + Send), range: Range<u64>) -> io::Result<Self> {
        let code = CODE.to_owned();
        write(out, Kind::Start, &pack(&Start { code, range })?)?;
        Ok(Self {
            out,
            batches: 0,
            payload: Vec::new(),
        })
    }

    /// Writes the next batch.
    pub(crate) fn batch(&mut self, judged: &Judged) -> io::Result<()> {
        self.payload.clear();
        leaf::write(judged, &mut self.payload)?;
        self.batches += 1;
        write(self.out, Kind::Batch, &self.payload)
    }

    /// Ends the file.
    pub(crate) fn end(self, end: StretchEnd) -> io::Result<()> {
        let end = End {
            batches: self.batches,
            bytes: end.bytes,
            crc32c: end.crc32c.value(),
        };
        write(self.out, Kind::End, &pack(&end)?)?;
        self.out.flush()
    }
}

/// Reads frames.
pub(crate) struct Reader<'r> {
    read: Box<dyn Read + Send + 'r>,
    /// The bytes that were processed.
    pub(crate) range: Range<u64>,
    batches: u64,
    payload: Vec<u8>,
}

/// The next frame.
pub(crate) enum Next {
    /// A batch.
    Batch(Box<Judged>),
    /// The end of the file.
    End(StretchEnd),
}

impl<'r> Reader<'r> {
    /// Reads the start frame.
    pub(crate) fn open(mut read: Box<dyn Read + Send + 'r>) -> Result<Self, FrameError> {
        let mut payload = Vec::new();
        if next(&mut *read, &mut payload)? != Kind::Start {
            return Err(FrameError::Foreign("it does not begin with a start frame"));
        }
        let start: Start = unpack(&payload)?;
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
    pub(crate) fn next(&mut self) -> Result<Next, FrameError> {
        match next(&mut *self.read, &mut self.payload)? {
            Kind::Batch => {
                self.batches += 1;
                let judged = Leaf::read(&self.payload)?;
                Ok(Next::Batch(Box::new(judged)))
            }
            Kind::End => {
                let end: End = unpack(&self.payload)?;
                if end.batches != self.batches {
                    return Err(FrameError::Cut);
                }
                Ok(Next::End(StretchEnd {
                    bytes: end.bytes,
                    crc32c: Crc32c::from_value(end.crc32c),
                }))
            }
            Kind::Start | Kind::Plan => Err(FrameError::Foreign("a frame is out of order")),
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
        write(&mut bytes, Kind::Plan, &pack(self)?)?;
        Ok(bytes)
    }

    /// Reads a plan from the bytes of [`Plan::to_bytes`].
    ///
    /// # Errors
    /// [`FrameError`] if the bytes are anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, FrameError> {
        let mut payload = Vec::new();
        match next(&mut bytes, &mut payload)? {
            Kind::Plan => unpack(&payload),
            Kind::Start | Kind::Batch | Kind::End => Err(FrameError::Foreign(
                "expected a plan, found another kind of frame",
            )),
        }
    }
}

fn write(out: &mut dyn Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
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
fn next(read: &mut dyn Read, payload: &mut Vec<u8>) -> Result<Kind, FrameError> {
    let mut head = [0; HEAD_BYTES];
    read.read_exact(&mut head).map_err(cut)?;
    let [version, kind, a, b, c, d, crc32c @ ..] = head;
    if version != VERSION {
        return Err(FrameError::Foreign("a frame has another version"));
    }
    let kind = Kind::ALL.into_iter().find(|known| known.number() == kind);
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

fn checksum(kind: Kind, payload: &[u8]) -> u32 {
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

fn pack(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    postcard::from_bytes(bytes).map_err(|_error| FrameError::Foreign("a frame cannot be decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::start(&mut bytes, 0..7).unwrap();
        let judged = Judged {
            records: b"records\n".to_vec(),
            guess: "plain text",
            ..Judged::default()
        };
        writer.batch(&judged).unwrap();
        writer
            .end(StretchEnd {
                bytes: 7,
                crc32c: Crc32c::default().append(b"content"),
            })
            .unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(usize, StretchEnd), FrameError> {
        let mut reader = Reader::open(Box::new(bytes))?;
        let mut records = 0;
        loop {
            match reader.next()? {
                Next::Batch(judged) => records += judged.records.len(),
                Next::End(end) => return Ok((records, end)),
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
        plan.crowds.insert(u64::MAX);
        plan.draw_below = Some(9);
        let bytes = plan.to_bytes().unwrap();
        assert_eq!(Plan::from_bytes(&bytes).unwrap(), plan);
        assert!(Plan::from_bytes(&bytes[1..]).is_err());
    }
}
