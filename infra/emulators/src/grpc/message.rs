//! Messages whose type tonic does not know: bytes as input, an object that encodes itself as output.

use bytes::{Buf as _, Bytes};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// A prost message that can be sent and received.
pub(crate) trait ProstMessage: prost::Message + Default + Send + Sync + 'static {}
impl<T: prost::Message + Default + Send + Sync + 'static> ProstMessage for T {}

/// An outgoing message.
pub(super) type OutgoingMessage = Box<dyn Encode + Send>;

/// A message that encodes itself.
pub(super) trait Encode {
    fn write(&self, into: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl<T: ProstMessage> Encode for T {
    fn write(&self, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.encode(into)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

/// Decodes a message; gRPC answers INTERNAL for invalid bytes.
pub(super) fn read<T: ProstMessage>(bytes: Bytes) -> Result<T, Status> {
    T::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// The codec of every message.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnyCodec;

impl Codec for AnyCodec {
    type Encode = OutgoingMessage;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AnyCodec {
    type Item = OutgoingMessage;
    type Error = Status;

    fn encode(&mut self, message: OutgoingMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.write(into)
    }
}

impl Decoder for AnyCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
