//! UTF-16 as UTF-8, character by character, without hiding errors.
//!
//! Why not a crate: the available ones replace an unpaired surrogate by U+FFFD, and the model would
//! learn it. Here it becomes three bytes that are invalid UTF-8, so that the row is rejected like
//! any other with invalid bytes.

use std::io::{self, Read};

/// Bytes decoded at once.
const CHUNK_BYTES: usize = 32 << 10;

/// A byte that never occurs in UTF-8, for an incomplete unit.
const HALF_UNIT: u8 = 0xff;

/// A decoder between two reads.
pub(super) struct Utf16 {
    big_endian: bool,
    marked: bool,
    chunk: Vec<u8>,
    /// A high surrogate, or the first byte of a unit, whose second half has not been read yet.
    carried: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    cut: bool,
}

impl Utf16 {
    /// A decoder, if `mark`, the first four bytes, start a text in UTF-16: with a byte order mark,
    /// or with two ASCII characters.
    pub(super) fn of(mark: &[u8]) -> Option<Self> {
        let ascii = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
        let (big_endian, marked) = match mark {
            // UTF-32.
            [0xff, 0xfe, 0, 0] => return None,
            [0xff, 0xfe, ..] => (false, true),
            [0xfe, 0xff, ..] => (true, true),
            [one, 0, other, 0] if ascii(one) && ascii(other) => (false, false),
            [0, one, 0, other] if ascii(one) && ascii(other) => (true, false),
            _ => return None,
        };
        Some(Self {
            big_endian,
            marked,
            chunk: vec![0; CHUNK_BYTES],
            carried: Vec::new(),
            text: Vec::new(),
            given: 0,
            cut: false,
        })
    }

    /// Length of the byte order mark.
    pub(super) fn mark_bytes(&self) -> usize {
        if self.marked { 2 } else { 0 }
    }

    /// Whether the text ended inside a unit.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Reads text, decoded from the bytes of `encoded`.
    pub(super) fn read(&mut self, encoded: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            let count = encoded.read(&mut self.chunk)?;
            let mut bytes = std::mem::take(&mut self.carried);
            bytes.extend_from_slice(self.chunk.get(..count).unwrap_or_default());
            self.decode(&bytes, count == 0);
            if count == 0 && self.text.is_empty() {
                return Ok(0);
            }
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let count = (&mut &*rest).read(into)?;
        self.given += count;
        Ok(count)
    }

    fn decode(&mut self, bytes: &[u8], last: bool) {
        let (pairs, half) = bytes.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| {
            if self.big_endian {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            }
        };
        let (pairs, opened) = match pairs.split_last() {
            Some((pair, before)) if !last && (0xd800..0xdc00).contains(&unit(pair)) => {
                (before, Some(pair))
            }
            Some(_) | None => (pairs, None),
        };
        for character in char::decode_utf16(pairs.iter().map(unit)) {
            match character {
                Ok(character) => {
                    let mut utf8 = [0; 4];
                    let utf8 = character.encode_utf8(&mut utf8);
                    self.text.extend_from_slice(utf8.as_bytes());
                }
                Err(alone) => self.text.extend(three_bytes(alone.unpaired_surrogate())),
            }
        }
        if last && !half.is_empty() {
            self.text.push(HALF_UNIT);
            self.cut = true;
        } else {
            self.carried.extend(opened.into_iter().flatten());
            self.carried.extend(half);
        }
    }
}

/// An unpaired surrogate, encoded in UTF-8's scheme, which UTF-8 itself forbids.
fn three_bytes(unit: u16) -> [u8; 3] {
    let low_six = |bits: u16| 0x80 | u8::try_from(bits & 0x3f).unwrap_or_default();
    let high = 0xe0 | u8::try_from(unit >> 12).unwrap_or_default();
    [high, low_six(unit >> 6), low_six(unit)]
}
