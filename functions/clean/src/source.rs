//! Where the bytes of a dataset come from.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

/// Bytes that can be read from the start more than once, and are the same each time.
///
/// An implementer pins what it reads (an object *generation*, say); that the bytes did not change
/// between two passes is checked all the same.
pub trait Source {
    /// Starts over at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// How many bytes there are, where that is known before they are read.
    fn size(&self) -> io::Result<Option<u64>>;
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
