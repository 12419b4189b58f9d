//! Messages whose type tonic does not know: bytes that come in, an object that writes itself.

use bytes::{Buf as _, Bytes};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// A prost message that can cross the wire.
pub(crate) trait Message: prost::Message + Default + Send + Sync + 'static {}
impl<T: prost::Message + Default + Send + Sync + 'static> Message for T {}

/// A message on its way out.
pub(super) type Told = Box<dyn Write + Send>;

/// A message that writes itself.
pub(super) trait Write {
    fn write(&self, into: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl<T: Message> Write for T {
    fn write(&self, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.encode(into)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

/// Reads a message that came in; gRPC wants INTERNAL where its bytes make no sense.
pub(super) fn read<T: Message>(bytes: Bytes) -> Result<T, Status> {
    T::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// The codec of every message.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnyCodec;

impl Codec for AnyCodec {
    type Encode = Told;
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
    type Item = Told;
    type Error = Status;

    fn encode(&mut self, told: Told, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        told.write(into)
    }
}

impl Decoder for AnyCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
