//! Connects the engine's blocking readers and writers with Cloud Storage's async streams.

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

/// Chunks in flight between the two sides: bounds memory, and lets both work at the same time.
const CHUNKS_MAX: usize = 8;

/// Bytes that a [`Pipe`] buffers before it passes them on.
const PIPE_BYTES: usize = 1 << 20;

/// One generation of an object, which can be read from the start any number of times.
#[derive(Debug, Clone)]
pub(crate) struct ObjectSource {
    objects: Objects,
    artifact: Artifact,
    size_bytes: u64,
    runtime: Handle,
}

impl ObjectSource {
    /// Must be called on the async runtime on which the reads shall run.
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
                // The reader may stop early, and drop its end.
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::new(StreamReader {
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
    io::Error::new(
        io::ErrorKind::NotFound,
        "the generation of the object does not exist any more",
    )
}

/// The chunks of a stream as one reader.
struct StreamReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

impl Read for StreamReader {
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

/// The writers of all files of a version.
#[derive(Debug)]
pub(crate) struct ObjectWriters {
    parts: Vec<(OutputFile, ObjectWriter)>,
    complete: Arc<AtomicBool>,
}

/// The writer of one object.
#[derive(Debug)]
struct ObjectWriter(mpsc::Sender<Bytes>);

impl ObjectWriters {
    /// A writer for each file, and the streams that they write to. These end successfully only if the
    /// whole pass does, so that no object of a failed pass is created.
    pub(crate) fn new() -> (Self, Vec<(OutputFile, UploadStream)>) {
        let complete = Arc::new(AtomicBool::new(false));
        let mut parts = Vec::new();
        let mut streams = Vec::new();
        for part in OutputFile::ALL {
            let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
            parts.push((part, ObjectWriter(sender)));
            streams.push((part, UploadStream::new(receiver, Arc::clone(&complete))));
        }
        (Self { parts, complete }, streams)
    }

    /// Ends every upload: complete if the pass `succeeded`, aborted otherwise.
    pub(crate) fn finish(self, succeeded: bool) {
        self.complete.store(succeeded, Ordering::Release);
    }
}

/// The writer of one other object: buffered, since it is written in many small pieces.
#[derive(Debug)]
pub(crate) struct Pipe {
    write: BufWriter<ObjectWriter>,
    complete: Arc<AtomicBool>,
}

impl Pipe {
    /// The writer, and the stream that it writes to, which ends successfully only if the writing does.
    pub(crate) fn new() -> (Self, UploadStream) {
        let complete = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let pipe = Self {
            write: BufWriter::with_capacity(PIPE_BYTES, ObjectWriter(sender)),
            complete: Arc::clone(&complete),
        };
        (pipe, UploadStream::new(receiver, complete))
    }

    /// The writer itself.
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.write
    }

    /// Ends the upload: complete if the writing `succeeded`, aborted otherwise.
    pub(crate) fn finish(mut self, succeeded: bool) {
        let flushed = self.write.flush().is_ok();
        self.complete.store(succeeded && flushed, Ordering::Release);
    }
}

impl Outputs for ObjectWriters {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        #[expect(clippy::expect_used, reason = "`new` creates a writer for every file")]
        let (_, upload) = self
            .parts
            .iter_mut()
            .find(|(candidate, _)| *candidate == part)
            .expect("every file has a writer");
        upload
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An upload may end before its stream does: the object exists already, or the service is
        // unavailable. The result of the upload says which; the other files go on.
        let _ended = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
