//! The ranges that the Parquet reader asks for, fetched in blocks and kept for a while.

use std::{
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf as _, Bytes};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};

use crate::source::Ranges;

/// Bytes fetched at once. A request to Cloud Storage takes some 50 ms whatever it fetches; headers
/// of pages are a few bytes.
const BLOCK_BYTES: u64 = 2 << 20;

/// Blocks kept: one for each column of a wide dataset, and 64 MiB of memory.
const BLOCKS_MAX: usize = 32;

/// Longest range handed out. Pages have a megabyte; one that is larger than this would be held in
/// memory more than once.
const RANGE_BYTES_MAX: usize = 256 << 20;

/// Bytes in any order; knows whether the source failed, which the reader reports like bytes that
/// are bad.
#[derive(Clone)]
pub(super) struct FileBlocks(Arc<Shared>);

struct Shared {
    ranges: Box<dyn Ranges>,
    /// The last used comes last.
    kept: Mutex<Vec<(u64, Bytes)>>,
    fetched: AtomicU64,
    failure: Mutex<Option<io::Error>>,
}

impl FileBlocks {
    pub(super) fn new(ranges: Box<dyn Ranges>) -> Self {
        Self(Arc::new(Shared {
            ranges,
            kept: Mutex::default(),
            fetched: AtomicU64::new(0),
            failure: Mutex::default(),
        }))
    }

    /// Bytes there are.
    pub(super) fn size(&self) -> u64 {
        self.0.ranges.size()
    }

    /// Bytes fetched so far.
    pub(super) fn fetched(&self) -> u64 {
        self.0.fetched.load(Ordering::Relaxed)
    }

    /// What the source failed with, if it did.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        let failure = self.0.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Bytes from `offset` to the end of their block; none at the end.
    fn block(&self, offset: u64) -> io::Result<Bytes> {
        let start = offset - offset % BLOCK_BYTES;
        let block = match self.keep(start, None) {
            Some(block) => block,
            None => {
                let length = self.size().saturating_sub(start).min(BLOCK_BYTES);
                let block = self.fetch(start, usize::try_from(length).unwrap_or_default())?;
                self.keep(start, Some(&block));
                block
            }
        };
        let within = usize::try_from(offset - start).unwrap_or(usize::MAX);
        Ok(block.slice(within.min(block.len())..))
    }

    /// Looks a block up, or puts `new` in its place; either is the last used then.
    fn keep(&self, start: u64, new: Option<&Bytes>) -> Option<Bytes> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().position(|(at, _)| *at == start);
        let found = found.map(|index| kept.remove(index).1);
        let block = new.cloned().or(found)?;
        if kept.len() >= BLOCKS_MAX {
            kept.remove(0);
        }
        kept.push((start, block.clone()));
        Some(block)
    }

    fn fetch(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let fetched = self.0.ranges.read_at(start, length);
        match fetched {
            Ok(bytes) if bytes.len() == length => {
                let count = u64::try_from(length).unwrap_or_default();
                self.0.fetched.fetch_add(count, Ordering::Relaxed);
                Ok(bytes)
            }
            Ok(_) => Err(self.fail(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Remembers what the source failed with; the reader is told that it did.
    fn fail(&self, error: io::Error) -> io::Error {
        let told = io::Error::new(error.kind(), error.to_string());
        let mut failure = self
            .0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        told
    }
}

impl Length for FileBlocks {
    fn len(&self) -> u64 {
        self.size()
    }
}

impl ChunkReader for FileBlocks {
    type T = Forward;

    fn get_read(&self, start: u64) -> Result<Forward, ParquetError> {
        Ok(Forward {
            blocks: self.clone(),
            at: start,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        let end = start.checked_add(wanted).filter(|end| *end <= self.size());
        if end.is_none() {
            let message = format!("{length} bytes from {start} on are beyond the end of the file");
            return Err(ParquetError::EOF(message));
        }
        if length > RANGE_BYTES_MAX {
            let message = format!("a page of {length} bytes: at most {RANGE_BYTES_MAX} are read");
            return Err(ParquetError::General(message));
        }
        let block = self.block(start)?;
        if length <= block.len() {
            return Ok(block.slice(..length));
        }
        let mut bytes = Vec::with_capacity(length);
        let mut forward = self.get_read(start)?;
        forward.by_ref().take(wanted).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Bytes from an offset on.
pub(super) struct Forward {
    blocks: FileBlocks,
    at: u64,
}

impl Read for Forward {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.blocks.size() {
            return Ok(0);
        }
        let mut block = self.blocks.block(self.at)?;
        let count = block.len().min(into.len());
        block.copy_to_slice(into.get_mut(..count).unwrap_or_default());
        self.at += u64::try_from(count).unwrap_or_default();
        Ok(count)
    }
}
