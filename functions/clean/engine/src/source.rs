//! Where the bytes of a dataset come from.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::PathBuf,
};

use bytes::Bytes;

/// Bytes that can be read from the start more than once, and are the same each time.
///
/// An implementer pins what it reads (an object *generation*, say); that the bytes did not change
/// between two passes is checked all the same.
pub trait Source: Sync {
    /// Starts over at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// How many bytes there are, where that is known before they are read.
    fn size(&self) -> io::Result<Option<u64>>;

    /// The same bytes in any order, for formats whose index is at their end.
    ///
    /// What is given reads everything into memory: right for bytes that are there already, and for
    /// nothing else.
    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(Box::new(Bytes::from(bytes)))
    }
}

/// Bytes that can be read in any order. Owns or shares what it reads from: readers keep it.
pub trait Ranges: Send + Sync {
    /// How many there are.
    fn size(&self) -> u64;

    /// Those from `offset` on: `length` of them, all of which there are.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// A file on this machine.
#[derive(Debug, Clone)]
pub struct File(pub PathBuf);

impl Source for File {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(fs::File::open(&self.0)?))
    }

    fn size(&self) -> io::Result<Option<u64>> {
        let metadata = fs::metadata(&self.0)?;
        // A pipe says 0.
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        let file = fs::File::open(&self.0)?;
        let size = file.metadata()?.len();
        Ok(Box::new(OpenFile { file, size }))
    }
}

/// A file read in any order.
#[derive(Debug)]
struct OpenFile {
    file: fs::File,
    size: u64,
}

impl Ranges for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes.into())
    }
}

/// Bytes already in memory.
impl Source for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.as_slice()))
    }

    fn size(&self) -> io::Result<Option<u64>> {
        Ok(u64::try_from(self.len()).ok())
    }
}

impl Ranges for Bytes {
    fn size(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(length).filter(|end| *end <= self.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(self.slice(start..end))
    }
}
