//! Temporary files, which get their final names once all of them are complete.

use std::{
    fs::Permissions,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use clean_engine::{OutputFile, Outputs};
use tempfile::NamedTempFile;

/// The prefix of the names of files that are not complete.
pub(super) const TEMPORARY: &str = ".lapidary-";

/// Writes each part to a temporary file, in the order of [`OutputFile::ALL`].
pub(super) struct PartFileWriter([NamedTempFile; OutputFile::ALL.len()]);

impl PartFileWriter {
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        Ok(Self([
            temporary(directory)?,
            temporary(directory)?,
            temporary(directory)?,
            temporary(directory)?,
            temporary(directory)?,
        ]))
    }

    pub(super) fn into_files(self) -> [NamedTempFile; OutputFile::ALL.len()] {
        self.0
    }
}

impl Outputs for PartFileWriter {
    fn writer(&mut self, part: OutputFile) -> &mut dyn Write {
        let [train, validation, eval, rejected, corrected] = &mut self.0;
        match part {
            OutputFile::Train => train,
            OutputFile::Validation => validation,
            OutputFile::Eval => eval,
            OutputFile::Rejected => rejected,
            OutputFile::Corrected => corrected,
        }
    }
}

/// A file that is deleted unless it is kept. Others may read it, as any new file: the default of
/// temporary files is private.
pub(super) fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)
}

/// Gives a file its final name.
///
/// Synced first: after a crash, a file that has its name has its content too.
pub(super) fn keep(file: NamedTempFile, name: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(name).map_err(|error| error.error)?;
    Ok(())
}
