//! The bytes of objects, in files of one directory or in memory.
//!
//! A file is named after its object's generation, never after the object: object names contain
//! slashes, dots and up to 1,024 bytes. Bytes are received under a draft name, and the file is renamed
//! when the object is created, so a crash leaves only files that [`Blobs::sweep`] removes.

use std::{
    collections::BTreeSet,
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream, stream::BoxStream};
use md5::{Digest as _, Md5};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufWriter},
};

use super::failure::Failure;

/// Maximum size of one piece of a read; a gRPC message may contain 2 MiB of content.
pub(super) const PIECE_BYTES: usize = 1 << 20;
/// Maximum size of an object without a data directory: several would fill a laptop's memory.
const MEMORY_OBJECT_MAX_BYTES: usize = 2 << 30;
/// The prefix of the files of unfinished uploads.
const DRAFT: &str = "draft-";

/// All bytes of the emulator's objects.
#[derive(Debug)]
pub(super) struct Blobs {
    dir: Option<PathBuf>,
    drafts: AtomicU64,
}

/// The bytes of one generation.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Memory(Bytes),
    File(PathBuf),
}

/// Complete bytes that no object owns yet; removed when dropped.
#[derive(Debug)]
pub(super) struct Draft {
    bytes: DraftBytes,
    pub(super) size_bytes: u64,
    pub(super) crc32c: u32,
    /// Absent for composed objects, as in production.
    pub(super) md5: Option<Vec<u8>>,
}

#[derive(Debug)]
enum DraftBytes {
    Memory(Bytes),
    File(DraftFile),
}

/// Removes its file when dropped, unless it was renamed.
#[derive(Debug)]
struct DraftFile(PathBuf);

impl Drop for DraftFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// An upload in progress.
#[derive(Debug)]
pub(super) struct Writer {
    sink: Sink,
    size_bytes: u64,
    crc32c: u32,
    md5: Md5,
}

#[derive(Debug)]
enum Sink {
    Memory(BytesMut),
    File(BufWriter<File>, DraftFile),
}

impl Blobs {
    /// Uses `dir`, which is created if it is missing; `None` keeps bytes in memory.
    pub(super) fn open(dir: Option<&Path>) -> io::Result<Self> {
        if let Some(dir) = dir {
            std::fs::create_dir_all(dir)?;
        }
        Ok(Self {
            dir: dir.map(Path::to_owned),
            drafts: AtomicU64::new(0),
        })
    }

    /// The bytes that an earlier process stored for `generation`.
    pub(super) fn kept(&self, generation: i64) -> Option<Content> {
        let path = self.dir.as_ref()?.join(generation.to_string());
        path.is_file().then_some(Content::File(path))
    }

    /// Removes every file of a draft or of a generation that is not in `generations`.
    pub(super) fn sweep(&self, generations: &BTreeSet<i64>) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let orphan = name.parse().map_or(name.starts_with(DRAFT), |generation| {
                !generations.contains(&generation)
            });
            if orphan {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Starts an upload.
    pub(super) async fn writer(&self) -> Result<Writer, Failure> {
        let sink = match self.draft_file() {
            None => Sink::Memory(BytesMut::new()),
            Some(draft) => {
                let file = File::create(&draft.0).await?;
                Sink::File(BufWriter::with_capacity(PIECE_BYTES, file), draft)
            }
        };
        Ok(Writer {
            sink,
            size_bytes: 0,
            crc32c: 0,
            md5: Md5::new(),
        })
    }

    /// Another name for the bytes of `content`, without copying them.
    pub(super) async fn link(
        &self,
        content: &Content,
        (size_bytes, crc32c, md5): (u64, u32, Option<Vec<u8>>),
    ) -> Result<Draft, Failure> {
        let bytes = match (content, self.draft_file()) {
            (Content::File(path), Some(draft)) => {
                tokio::fs::hard_link(path, &draft.0).await?;
                DraftBytes::File(draft)
            }
            (Content::Memory(bytes), _) => DraftBytes::Memory(bytes.clone()),
            (Content::File(path), None) => DraftBytes::Memory(tokio::fs::read(path).await?.into()),
        };
        Ok(Draft {
            bytes,
            size_bytes,
            crc32c,
            md5,
        })
    }

    /// Stores `draft` as the bytes of `generation`.
    pub(super) fn keep(&self, draft: Draft, generation: i64) -> io::Result<Content> {
        match (draft.bytes, &self.dir) {
            (DraftBytes::File(file), Some(dir)) => {
                let path = dir.join(generation.to_string());
                std::fs::rename(&file.0, &path)?;
                Ok(Content::File(path))
            }
            (DraftBytes::Memory(bytes), _) => Ok(Content::Memory(bytes)),
            (DraftBytes::File(file), None) => Ok(Content::Memory(std::fs::read(&file.0)?.into())),
        }
    }

    fn draft_file(&self) -> Option<DraftFile> {
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.as_ref()?;
        Some(DraftFile(dir.join(format!("{DRAFT}{number}"))))
    }
}

impl Content {
    /// Removes the bytes. If that fails, the file is swept at the next start.
    pub(super) fn remove(&self) {
        if let Self::File(path) = self
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(%error, "the file of a deleted object stays until the next start");
        }
    }

    /// All bytes at once.
    pub(super) fn bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(path) => Ok(std::fs::read(path)?.into()),
        }
    }

    /// The bytes of `range` in pieces of at most [`PIECE_BYTES`].
    pub(super) async fn read(
        &self,
        range: Range<u64>,
    ) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        match self {
            Self::Memory(bytes) => {
                let end = position(range.end).min(bytes.len());
                let mut left = bytes.slice(position(range.start).min(end)..end);
                let pieces = std::iter::from_fn(move || {
                    let piece = left.split_to(left.len().min(PIECE_BYTES));
                    (!piece.is_empty()).then_some(Ok(piece))
                });
                Ok(stream::iter(pieces).boxed())
            }
            Self::File(path) => {
                let mut file = File::open(path).await?;
                file.seek(io::SeekFrom::Start(range.start)).await?;
                let file = file.take(range.end.saturating_sub(range.start));
                let pieces = stream::try_unfold(file, |mut file| async move {
                    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                    file.read_buf(&mut piece).await?;
                    Ok((!piece.is_empty()).then(|| (piece.freeze(), file)))
                });
                Ok(pieces.boxed())
            }
        }
    }
}

impl Writer {
    /// Bytes written so far.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds `piece` at the end.
    pub(super) async fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::Memory(bytes) if bytes.len() + piece.len() > MEMORY_OBJECT_MAX_BYTES => {
                let max_bytes = MEMORY_OBJECT_MAX_BYTES;
                return Err(Failure::TooLarge { max_bytes });
            }
            Sink::Memory(bytes) => bytes.extend_from_slice(piece),
            Sink::File(file, _) => file.write_all(piece).await?,
        }
        self.size_bytes += piece.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, piece);
        self.md5.update(piece);
        Ok(())
    }

    /// Ends the upload.
    pub(super) async fn finish(self) -> Result<Draft, Failure> {
        let bytes = match self.sink {
            Sink::Memory(bytes) => DraftBytes::Memory(bytes.freeze()),
            Sink::File(mut file, draft) => {
                file.flush().await?;
                DraftBytes::File(draft)
            }
        };
        Ok(Draft {
            bytes,
            size_bytes: self.size_bytes,
            crc32c: self.crc32c,
            md5: Some(self.md5.finalize().to_vec()),
        })
    }
}

/// An offset in memory; one that does not fit is beyond the end anyway.
fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
