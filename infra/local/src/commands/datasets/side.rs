//! One side of a comparison, wherever its rows are.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clean_engine::Identity;
use futures::StreamExt as _;
use serde::{Serialize, Serializer};
use shared::{dataset::Version, id::VersionId};

use super::lines::Lines;
use crate::session::{self, Session};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Why a side cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It is neither there nor a name.
    #[error("`{0}` is no directory, no file and no name of a version")]
    Nothing(String),
    /// The directory holds no version.
    #[error("`{}` has no `train.jsonl`: is it what `lapidary clean` made?", .0.display())]
    NoVersion(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No stack to ask for a version.
    #[error("version `{id}` cannot be looked up")]
    Session {
        /// Which.
        id: VersionId,
        /// Why.
        #[source]
        source: session::Error,
    },
    /// The stack does not know the version.
    #[error("no version `{0}`: see `lapidary show RUN`")]
    Unknown(VersionId),
    /// An object of the version is gone.
    #[error("the part `{part}` of version `{id}` is gone")]
    Gone {
        /// Whose.
        id: VersionId,
        /// Which.
        part: &'static str,
    },
    /// The stack does not answer.
    #[error("version `{id}` cannot be read")]
    Away {
        /// Which.
        id: VersionId,
        /// Why.
        #[source]
        source: shared::error::Error,
    },
    /// There are lines, and none is a row.
    #[error("no line of `{0}` is a row of a format known")]
    NoRows(String),
}

/// A side, read.
#[derive(Debug)]
pub(super) struct Side {
    /// What it was asked for by.
    pub(super) name: String,
    /// Every row, in 24 bytes: texts are not kept.
    pub(super) rows: Vec<Row>,
    /// Lines that are no row of a format known.
    pub(super) unread: u64,
}

/// A row: what it means, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) identity: Identity,
    pub(super) at: At,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    /// The part.
    pub(super) part: Part,
    /// Its line there, from 1.
    pub(super) line: u32,
}

/// A file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A file that is no part of anything.
    File,
    /// To be learnt.
    Train,
    /// To watch the job by.
    Validation,
    /// To compare models with.
    Eval,
}

impl Part {
    /// Every part that a version has.
    pub(super) const OF_VERSION: [Self; 3] = [Self::Train, Self::Validation, Self::Eval];

    /// The word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::File => "line",
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.part.name(), self.line)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Side {
    /// Reads what `name` is: a directory, a file, or a version of the stack by `env_file`.
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
            side.read_file(Part::File, path)?;
        } else {
            let nothing = |_| Error::Nothing(name.to_owned());
            let id: VersionId = name.parse().map_err(nothing)?;
            side.read_version(&id, env_file).await?;
        }
        if side.rows.is_empty() && side.unread > 0 {
            return Err(Error::NoRows(side.name));
        }
        Ok(side)
    }

    /// How many rows each part has.
    pub(super) fn parts(&self) -> BTreeMap<Part, u64> {
        let mut parts = BTreeMap::new();
        for row in &self.rows {
            *parts.entry(row.at.part).or_default() += 1;
        }
        parts
    }

    fn read_directory(&mut self, directory: &Path) -> Result<(), Error> {
        for part in Part::OF_VERSION {
            let path = directory.join(format!("{}.jsonl", part.name()));
            if path.exists() {
                self.read_file(part, &path)?;
            } else if part == Part::Train {
                return Err(Error::NoVersion(directory.to_owned()));
            }
        }
        Ok(())
    }

    fn read_file(&mut self, part: Part, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(failed)?;
        let mut lines = Lines::new(part, &mut self.rows);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk).map_err(failed)? {
                0 => break,
                length => lines.feed(chunk.get(..length).unwrap_or_default()),
            }
        }
        self.unread += lines.finish();
        Ok(())
    }

    async fn read_version(&mut self, id: &VersionId, env_file: &Path) -> Result<(), Error> {
        let session = Session::open(env_file).await;
        let session = session.map_err(|source| Error::Session {
            id: id.clone(),
            source,
        })?;
        let away = |source| Error::Away {
            id: id.clone(),
            source,
        };
        let found = session.documents.get::<Version>(id.as_str()).await;
        let version = found
            .map_err(away)?
            .ok_or_else(|| Error::Unknown(id.clone()))?
            .value;
        for part in Part::OF_VERSION {
            let Some(stored) = version.parts.get(part.name()) else {
                continue;
            };
            let stream = session.objects.stream(&stored.artifact).await;
            let gone = || Error::Gone {
                id: id.clone(),
                part: part.name(),
            };
            let mut stream = stream.map_err(away)?.ok_or_else(gone)?;
            let mut lines = Lines::new(part, &mut self.rows);
            while let Some(chunk) = stream.next().await {
                let unavailable = shared::error::Error::unavailable("Cloud Storage");
                let chunk = chunk.map_err(|error| away(unavailable(error.into())))?;
                lines.feed(&chunk);
            }
            self.unread += lines.finish();
        }
        Ok(())
    }
}
