//! The ranges that the Parquet reader requests, fetched in blocks and cached for a while.

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

/// Bytes fetched at once. A request to Cloud Storage takes about 50 ms however small it is, and
/// page headers are a few bytes.
const BLOCK_BYTES: u64 = 2 << 20;

/// Blocks cached: one for each column of a wide dataset, 64 MiB of memory in all.
const BLOCKS_MAX: usize = 32;

/// Longest range returned. Pages have about a megabyte; a range larger than this would be in memory
/// more than once.
const RANGE_BYTES_MAX: usize = 256 << 20;

/// Bytes in any order; records whether the source failed, because the reader reports that in the
/// same way as invalid data.
#[derive(Clone)]
pub(super) struct FileBlocks(Arc<Shared>);

struct Shared {
    ranges: Box<dyn Ranges>,
    /// Most recently used last.
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

    /// The size of the source.
    pub(super) fn size(&self) -> u64 {
        self.0.ranges.size()
    }

    /// Bytes fetched so far.
    pub(super) fn fetched(&self) -> u64 {
        self.0.fetched.load(Ordering::Relaxed)
    }

    /// The error of the source, if it failed.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        let failure = self.0.failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Bytes from `offset` to the end of their block; empty at the end.
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

    /// Finds a block, or inserts `new`; either becomes the most recently used.
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

    /// Stores the error of the source; the reader receives a copy.
    fn fail(&self, error: io::Error) -> io::Error {
        let copy = io::Error::new(error.kind(), error.to_string());
        let mut failure = self
            .0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        copy
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
            let message =
                format!("{length} bytes at offset {start} extend beyond the end of the file");
            return Err(ParquetError::EOF(message));
        }
        if length > RANGE_BYTES_MAX {
            let message = format!("a page has {length} bytes; the limit is {RANGE_BYTES_MAX}");
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

/// Bytes from an offset onwards.
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
