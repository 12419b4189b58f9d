//! A stream on its way into an object.
//!
//! One type for all writes: the client's code for uploads is generic over what it reads, and is
//! generated here, once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use google_cloud_storage::streaming_source::{SizeHint, StreamingSource};
use tokio::sync::mpsc;

/// What an upload reads. It ends without an error only if its writer marks it complete.
#[derive(Debug)]
pub struct UploadStream {
    receiver: mpsc::Receiver<Bytes>,
    complete: Arc<AtomicBool>,
}

impl UploadStream {
    /// Reads what `receiver` receives.
    ///
    /// The object is whole if `complete` is set once the sender is dropped; otherwise there
    /// will be none.
    pub fn new(receiver: mpsc::Receiver<Bytes>, complete: Arc<AtomicBool>) -> Self {
        Self { receiver, complete }
    }
}

impl UploadStream {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.receiver.recv().await {
            Some(bytes) => Some(Ok(bytes)),
            None if self.complete.load(Ordering::Acquire) => None,
            None => Some(Err(io::Error::other(
                "the writer of the stream stopped before its end",
            ))),
        }
    }
}

/// What is written to an object: bytes that are there, or bytes on their way.
#[derive(Debug)]
pub(super) enum UploadContent {
    /// All of them, and what is left to read.
    Bytes(Bytes, Option<Bytes>),
    Stream(UploadStream),
}

impl From<Bytes> for UploadContent {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes.clone(), Some(bytes))
    }
}

impl From<UploadStream> for UploadContent {
    fn from(stream: UploadStream) -> Self {
        Self::Stream(stream)
    }
}

impl StreamingSource for UploadContent {
    type Error = io::Error;

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self {
            Self::Bytes(_, left) => left.take().map(Ok),
            Self::Stream(stream) => stream.next().await,
        }
    }

    async fn size_hint(&self) -> io::Result<SizeHint> {
        let Self::Bytes(all, _) = self else {
            return Ok(SizeHint::new());
        };
        // A size that is known makes one request of a small upload, in place of a session's two.
        Ok(SizeHint::with_exact(
            all.len().try_into().unwrap_or(u64::MAX),
        ))
    }
}
