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
/// An implementer pins what it reads, such as the *generation* of an object. A pass checks all the
/// same that the bytes did not change since the one before.
pub trait Source: Sync {
    /// Opens the source at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// The size, where it is known before reading.
    fn size(&self) -> io::Result<Option<u64>>;

    /// The same bytes in any order, for formats whose index is at the end.
    ///
    /// The default reads everything into memory, which is right only for bytes that are there
    /// already.
    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(Box::new(Bytes::from(bytes)))
    }
}

/// Bytes that can be read in any order. Owns or shares its source, since readers keep it.
pub trait Ranges: Send + Sync {
    /// The size.
    fn size(&self) -> u64;

    /// The `length` bytes from `offset` on, all of which exist.
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
        // A pipe reports 0.
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    fn ranges(&self) -> io::Result<Box<dyn Ranges>> {
        let file = fs::File::open(&self.0)?;
        let size = file.metadata()?.len();
        Ok(Box::new(OpenFile { file, size }))
    }
}

/// An open file, read in any order.
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

/// Bytes in memory.
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
