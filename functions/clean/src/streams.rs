//! Between the engine's plain readers and writers and Cloud Storage's streams.

use clean_engine::{OutputFile, Outputs, Ranges, Source};
use std::{
    io::{self, BufWriter, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf as _, Bytes};
use futures::StreamExt as _;
use shared::{
    google::objects::{Objects, Stat, UploadStream},
    uri::Artifact,
};
use tokio::{runtime::Handle, sync::mpsc};

/// Chunks in flight between the two sides: bounds memory, and lets both work at once.
const CHUNKS_MAX: usize = 8;

/// Bytes collected before a [`Pipe`] hands them on.
const PIPE_BYTES: usize = 1 << 20;

/// One generation of an object, read from the start as often as asked.
#[derive(Debug, Clone)]
pub(crate) struct ObjectSource {
    objects: Objects,
    artifact: Artifact,
    size_bytes: u64,
    runtime: Handle,
}

impl ObjectSource {
    /// Must be called on the runtime that the reads are to run on.
    pub(crate) fn of(objects: Objects, stat: &Stat) -> Self {
        Self {
            objects,
            artifact: stat.artifact.clone(),
            size_bytes: stat.size_bytes,
            runtime: Handle::current(),
        }
    }
}

impl Source for ObjectSource {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let (objects, artifact) = (self.objects.clone(), self.artifact.clone());
        self.runtime.spawn(async move {
            let mut stream = match objects.stream(&artifact).await {
                Ok(Some(stream)) => stream,
                Ok(None) => return drop(sender.send(Err(gone())).await),
                Err(error) => return drop(sender.send(Err(io::Error::other(error))).await),
            };
            while let Some(chunk) = stream.next().await {
                // The reader may have seen enough.
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::new(Chunks {
            receiver,
            chunk: Bytes::new(),
        }))
    }

    fn size(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.size_bytes))
    }

    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        Ok(Box::new(self.clone()))
    }
}

impl Ranges for ObjectSource {
    fn size(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let range = self.objects.read_range(&self.artifact, offset, length);
        let read = self.runtime.block_on(range);
        read.map_err(io::Error::other)?.ok_or_else(gone)
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the generation is gone")
}

/// The chunks of a stream as one reader.
struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.chunk.len());
        self.chunk
            .copy_to_slice(into.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

/// The writers of every part.
#[derive(Debug)]
pub(crate) struct Uploads {
    parts: Vec<(OutputFile, Upload)>,
    complete: Arc<AtomicBool>,
}

/// The writer of one part.
#[derive(Debug)]
struct Upload(mpsc::Sender<Bytes>);

impl Uploads {
    /// A writer for each part, and the streams that they lead to: these end well only if the
    /// whole pass does.
    pub(crate) fn new() -> (Self, Vec<(OutputFile, UploadStream)>) {
        let complete = Arc::new(AtomicBool::new(false));
        let mut parts = Vec::new();
        let mut streams = Vec::new();
        for part in OutputFile::ALL {
            let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
            parts.push((part, Upload(sender)));
            streams.push((part, UploadStream::new(receiver, Arc::clone(&complete))));
        }
        (Self { parts, complete }, streams)
    }

    /// Ends every upload: as whole objects where the pass `succeeded`, as none otherwise.
    pub(crate) fn finish(self, succeeded: bool) {
        self.complete.store(succeeded, Ordering::Release);
    }
}

/// The writer of one object that is no part: buffered, since many small pieces are written.
#[derive(Debug)]
pub(crate) struct Pipe {
    write: BufWriter<Upload>,
    complete: Arc<AtomicBool>,
}

impl Pipe {
    /// The writer, and the stream that it leads to: that ends well only if the writing does.
    pub(crate) fn new() -> (Self, UploadStream) {
        let complete = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let pipe = Self {
            write: BufWriter::with_capacity(PIPE_BYTES, Upload(sender)),
            complete: Arc::clone(&complete),
        };
        (pipe, UploadStream::new(receiver, complete))
    }

    /// Where to write.
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.write
    }

    /// Ends the object: as a whole where the writing `succeeded`, as none otherwise.
    pub(crate) fn finish(mut self, succeeded: bool) {
        let flushed = self.write.flush().is_ok();
        self.complete.store(succeeded && flushed, Ordering::Release);
    }
}

impl Outputs for Uploads {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        #[expect(clippy::expect_used, reason = "`new` makes a writer for every part")]
        let (_, upload) = self
            .parts
            .iter_mut()
            .find(|(candidate, _)| *candidate == part)
            .expect("every part has a writer");
        upload
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An upload may end before its stream does: the object exists already, or the service
        // is away. Its own result says which; the other parts go on.
        let _ended = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
