//! One side of a diff: a directory, a file, or a version of a running stack.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use clean_engine::{File, Settings, identify};
use futures::StreamExt as _;
use shared::{dataset::Version, id::VersionId};

use super::{
    row::{RowFile, RowLocation, RowRef},
    row_reader::RowReader,
};
use crate::session::{self, Session};

/// Why a side cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is neither a path nor a name.
    #[error("`{0}` does not exist: expected a directory, a file or the id of a version")]
    NotFound(String),
    /// The directory does not hold a version.
    #[error("no `train.jsonl` in `{}`: expected a directory that `lapidary clean` wrote", .0.display())]
    NoVersion(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// There is no stack to read the version from.
    #[error("cannot read version `{id}` from a stack")]
    Session {
        /// The version.
        id: VersionId,
        /// The cause.
        #[source]
        source: session::Error,
    },
    /// The stack does not have the version.
    #[error("no version `{0}`: find its id with `lapidary show RUN`")]
    Unknown(VersionId),
    /// An object of the version was deleted.
    #[error("the object `{part}` of version `{id}` was deleted")]
    Deleted {
        /// The version.
        id: VersionId,
        /// The part.
        part: &'static str,
    },
    /// The stack cannot be read.
    #[error("cannot read version `{id}`")]
    Unavailable {
        /// The version.
        id: VersionId,
        /// The cause.
        #[source]
        source: shared::error::Error,
    },
    /// None of its lines is a row.
    #[error("no line of `{0}` is a row in a known format")]
    NoRows(String),
}

/// A side, read.
#[derive(Debug)]
pub(super) struct DiffSide {
    /// The argument that named it.
    pub(super) name: String,
    /// Every row, in 24 bytes: its text is not kept.
    pub(super) rows: Vec<RowRef>,
    /// Lines that are not rows in a known format.
    pub(super) unread: u64,
}

impl DiffSide {
    /// Reads the directory, the file, or the version of the stack at `env_file` that `name` names.
    pub(super) async fn read(name: &str, env_file: &Path) -> Result<Self, Error> {
        let path = Path::new(name);
        let mut side = Self {
            name: name.to_owned(),
            rows: Vec::new(),
            unread: 0,
        };
        if path.is_dir() {
            side.read_directory(path)?;
        } else if path.exists() {
            side.read_file(RowFile::Single, path)?;
        } else {
            let not_found = |_| Error::NotFound(name.to_owned());
            let id: VersionId = name.parse().map_err(not_found)?;
            side.read_version(&id, env_file).await?;
        }
        if side.rows.is_empty() && side.unread > 0 {
            return Err(Error::NoRows(side.name));
        }
        Ok(side)
    }

    /// The number of rows in each file.
    pub(super) fn parts(&self) -> BTreeMap<RowFile, u64> {
        let mut parts = BTreeMap::new();
        for row in &self.rows {
            *parts.entry(row.at.part).or_default() += 1;
        }
        parts
    }

    fn read_directory(&mut self, directory: &Path) -> Result<(), Error> {
        for part in RowFile::OF_VERSION {
            let path = directory.join(format!("{}.jsonl", part.name()));
            if path.exists() {
                self.read_file(part, &path)?;
            } else if part == RowFile::Train {
                return Err(Error::NoVersion(directory.to_owned()));
            }
        }
        Ok(())
    }

    fn read_file(&mut self, part: RowFile, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let (rows, unread) = (&mut self.rows, &mut self.unread);
        let read = identify(
            &File(path.to_owned()),
            &Settings::default(),
            &mut |line, identity| {
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                let at = RowLocation { part, line };
                match identity {
                    Some(identity) => rows.push(RowRef { identity, at }),
                    None => *unread += 1,
                }
            },
        );
        read.map_err(|error| failed(io::Error::other(error)))
    }

    async fn read_version(&mut self, id: &VersionId, env_file: &Path) -> Result<(), Error> {
        let session = Session::open(env_file).await;
        let session = session.map_err(|source| Error::Session {
            id: id.clone(),
            source,
        })?;
        let failed = |source| Error::Unavailable {
            id: id.clone(),
            source,
        };
        let found = session.documents.get::<Version>(id.as_str()).await;
        let version = found
            .map_err(failed)?
            .ok_or_else(|| Error::Unknown(id.clone()))?
            .value;
        for part in RowFile::OF_VERSION {
            let Some(stored) = version.parts.get(part.name()) else {
                continue;
            };
            let stream = session.objects.stream(&stored.artifact).await;
            let deleted = || Error::Deleted {
                id: id.clone(),
                part: part.name(),
            };
            let mut stream = stream.map_err(failed)?.ok_or_else(deleted)?;
            let mut lines = RowReader::new(part, &mut self.rows);
            while let Some(chunk) = stream.next().await {
                let unavailable = shared::error::Error::unavailable("Cloud Storage");
                let chunk = chunk.map_err(|error| failed(unavailable(error.into())))?;
                lines.feed(&chunk);
            }
            self.unread += lines.finish();
        }
        Ok(())
    }
}
