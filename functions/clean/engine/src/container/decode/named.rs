//! A text in an encoding that a recipe names, as UTF-8, without hiding errors.

use std::io::{self, Read};

use encoding_rs::{DecoderResult, Encoding};

/// Bytes decoded at once.
const CHUNK_BYTES: usize = 32 << 10;

/// A byte that never occurs in UTF-8, for bytes that are nothing in the encoding: the row is rejected
/// like any other with invalid bytes.
const INVALID: u8 = 0xff;

/// A decoder between two reads.
pub(super) struct NamedDecoder {
    encoding: &'static Encoding,
    decoder: encoding_rs::Decoder,
    chunk: Vec<u8>,
    room: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

impl NamedDecoder {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        Self {
            encoding,
            decoder: encoding.new_decoder_with_bom_removal(),
            chunk: vec![0; CHUNK_BYTES],
            room: vec![0; 2 * CHUNK_BYTES],
            text: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    /// The name of the encoding.
    pub(super) fn name(&self) -> &'static str {
        self.encoding.name()
    }

    /// Reads text, decoded from the bytes of `encoded`.
    pub(super) fn read(&mut self, encoded: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.text.clear();
            self.given = 0;
            let count = encoded.read(&mut self.chunk)?;
            self.ended = count == 0;
            self.decode(count);
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let count = (&mut &*rest).read(into)?;
        self.given += count;
        Ok(count)
    }

    fn decode(&mut self, count: usize) {
        let mut bytes = self.chunk.get(..count).unwrap_or_default();
        loop {
            let room = &mut self.room;
            let (result, read, written) = self
                .decoder
                .decode_to_utf8_without_replacement(bytes, room, self.ended);
            self.text
                .extend_from_slice(room.get(..written).unwrap_or_default());
            bytes = bytes.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(INVALID),
            }
        }
    }
}
