//! The directory to which the files of a cleaning go, all of them or none.

use std::{
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use clean_engine::{Cleaned, Machine, OutputFile, Outputs, Plan, Settings, Source};

use super::{
    description::{self, CARD, MANIFEST, REPORT},
    part_files::{PartFileWriter, TEMPORARY, keep},
};
use crate::preflight::Preflight;

/// Why the files cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The directory has files in it.
    #[error("`{}` is not empty: choose another directory, or use --force", .0.display())]
    NotEmpty(PathBuf),
    /// One of the files would replace the file that is read.
    #[error("the input `{}` would be overwritten: choose another directory", .0.display())]
    IsInput(PathBuf),
    /// A file cannot be written.
    #[error("cannot write to `{}`", path.display())]
    Write {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// The directory.
pub(super) struct OutputDirectory<'a> {
    path: &'a Path,
    /// Whether this command created it.
    created: bool,
}

impl<'a> OutputDirectory<'a> {
    /// Creates the directory, or checks that the files of `input` may be written to it.
    pub(super) fn open(path: &'a Path, input: &Path, force: bool) -> Result<Self, Error> {
        let created = !path.exists();
        let directory = Self { path, created };
        let failed = |source| directory.failed(source);
        fs::create_dir_all(path).map_err(failed)?;
        let entries = fs::read_dir(path).map_err(failed)?;
        let entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(failed)?;
        let is_temporary =
            |entry: &&DirEntry| entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        let (temporary, others): (Vec<_>, Vec<_>) = entries.iter().partition(is_temporary);
        if !others.is_empty() && !force {
            return Err(Error::NotEmpty(path.to_owned()));
        }
        let canonical = input.canonicalize().unwrap_or_default();
        let is_input = |name: &String| {
            path.join(name)
                .canonicalize()
                .is_ok_and(|path| path == canonical)
        };
        if file_names().any(|name| is_input(&name)) {
            return Err(Error::IsInput(input.to_owned()));
        }
        // Left behind by a run that was interrupted.
        for entry in temporary {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
        Ok(directory)
    }

    /// Cleans `source` into temporary files, in as many passes as it takes.
    pub(super) fn clean(
        &self,
        mut plan: Plan,
        source: &dyn Source,
        settings: &Settings,
        machine: Machine,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(Cleaned, PartFileWriter), clean_engine::Error> {
        loop {
            let parts = PartFileWriter::new(self.path);
            let mut parts = parts.map_err(|source| clean_engine::Error::Write {
                file: OutputFile::Train,
                source,
            })?;
            let outputs = Some(&mut parts as &mut dyn Outputs);
            match clean_engine::pass(source, settings, &plan, machine, outputs, progress)? {
                clean_engine::Outcome::Done(cleaned) => return Ok((*cleaned, parts)),
                clean_engine::Outcome::Again(better) => plan = *better,
            }
        }
    }

    /// Gives every file its final name.
    ///
    /// The manifest is last: where there is a manifest, there are all the files that it describes.
    pub(super) fn keep(
        &self,
        input: &Path,
        preflight: &Preflight,
        parts: PartFileWriter,
    ) -> Result<(), Error> {
        let failed = |source| self.failed(source);
        let report = description::report(self.path, preflight).map_err(failed)?;
        let card = description::card(self.path, input, preflight).map_err(failed)?;
        let manifest = description::manifest(self.path, input, preflight).map_err(failed)?;
        for (file, part) in parts.into_files().into_iter().zip(OutputFile::ALL) {
            keep(file, &self.path.join(part_name(part))).map_err(failed)?;
        }
        keep(report, &self.path.join(REPORT)).map_err(failed)?;
        keep(card, &self.path.join(CARD)).map_err(failed)?;
        keep(manifest, &self.path.join(MANIFEST)).map_err(failed)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write {
            path: self.path.to_owned(),
            source,
        }
    }
}

impl Drop for OutputDirectory<'_> {
    /// Removes a directory that this command created and left empty.
    fn drop(&mut self) {
        if self.created {
            let _not_empty = fs::remove_dir(self.path);
        }
    }
}

/// The names of all files that are written.
fn file_names() -> impl Iterator<Item = String> {
    let parts = OutputFile::ALL.iter().map(|part| part_name(*part));
    parts.chain([REPORT, CARD, MANIFEST].map(str::to_owned))
}

fn part_name(part: OutputFile) -> String {
    format!("{}.jsonl", part.name())
}
