//! A stream on its way into an object.
//!
//! One type for whoever writes: the client's code for uploads is generic over what it reads,
//! and is generated here, once.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use google_cloud_storage::streaming_source::StreamingSource;
use tokio::sync::mpsc;

/// What an upload reads: ends well only if its writer says that all of it was written.
#[derive(Debug)]
pub struct UploadStream {
    receiver: mpsc::Receiver<Bytes>,
    complete: Arc<AtomicBool>,
}

impl UploadStream {
    /// Reads what comes by `receiver`.
    ///
    /// The object is whole if `complete` is set once the sender is dropped; otherwise there
    /// will be none.
    pub fn new(receiver: mpsc::Receiver<Bytes>, complete: Arc<AtomicBool>) -> Self {
        Self { receiver, complete }
    }
}

impl StreamingSource for UploadStream {
    type Error = io::Error;

    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        match self.receiver.recv().await {
            Some(bytes) => Some(Ok(bytes)),
            None if self.complete.load(Ordering::Acquire) => None,
            None => Some(Err(io::Error::other("its writer gave up"))),
        }
    }
}
