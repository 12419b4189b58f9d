//! One side of a diff: a directory, a file, or a version of a running stack.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use clean_engine::{
    File, IdentifiedRow, RowIdentifier, RowNumbers, Settings, identify, manifest_settings,
};
use futures::StreamExt as _;
use shared::{dataset::Version, id::VersionId};

use super::{
    profile::SideProfile,
    row::{RowFile, RowLocation, RowRef},
    row_reader::RowReader,
};
use crate::session::{self, Session};

/// The description of a version in its directory.
const MANIFEST: &str = "manifest.json";
/// Largest one that is read from a stack: its recipe takes at most 64 KiB, its counts far less.
const MANIFEST_MAX_BYTES: u64 = 4 << 20;

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
    #[error("no file or directory `{id}` exists here, and no version of a stack can be read")]
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
    /// The description of the version cannot be read.
    #[error("the manifest of `{name}` is not one that this version of lapidary can read")]
    Manifest {
        /// The argument that named the side.
        name: String,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
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
    /// What its rows are like.
    pub(super) profile: SideProfile,
    /// What its recipe put around each row. Rows are compared without it.
    pub(super) prompt: RecipePrompt,
}

/// What a recipe puts around each row of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecipePrompt {
    system_instruction: Option<String>,
    template: Option<String>,
}

impl RecipePrompt {
    fn of(settings: &Settings) -> Self {
        Self {
            system_instruction: settings.system_instruction.clone(),
            template: settings.template.clone(),
        }
    }

    /// Settings that only leave the prompt out of what is known of a row.
    fn settings(&self) -> Settings {
        Settings {
            system_instruction: self.system_instruction.clone(),
            template: self.template.clone(),
            ..Settings::default()
        }
    }
}

impl DiffSide {
    /// Reads the directory, the file, or the version of the stack at `env_file` that `name` names.
    pub(super) async fn read(name: &str, env_file: &Path) -> Result<Self, Error> {
        let path = Path::new(name);
        let mut side = Self {
            name: name.to_owned(),
            rows: Vec::new(),
            unread: 0,
            profile: SideProfile::default(),
            prompt: RecipePrompt::default(),
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

    /// Reads which prompt the rows of the version are in.
    fn read_manifest(&mut self, manifest: &[u8]) -> Result<(), Error> {
        let settings = manifest_settings(manifest).map_err(|source| Error::Manifest {
            name: self.name.clone(),
            source,
        })?;
        self.prompt = RecipePrompt::of(&settings);
        Ok(())
    }

    fn read_directory(&mut self, directory: &Path) -> Result<(), Error> {
        let path = directory.join(MANIFEST);
        if path.exists() {
            let manifest = fs::read(&path).map_err(|source| Error::Read { path, source })?;
            self.read_manifest(&manifest)?;
        }
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
        let from = self.rows.len();
        let (rows, unread, profile) = (&mut self.rows, &mut self.unread, &mut self.profile);
        let read = identify(
            &File(path.to_owned()),
            &self.prompt.settings(),
            &mut |line, row| {
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                let at = RowLocation { part, line };
                match row {
                    Some(IdentifiedRow { identity, traits }) => {
                        profile.add(traits);
                        rows.push(RowRef { identity, at });
                    }
                    None => *unread += 1,
                }
            },
        );
        let read = read.map_err(|error| failed(io::Error::other(error)))?;
        if part.is_single() {
            self.profile.add_columns(read.columns);
            if read.numbers != RowNumbers::Line {
                for row in self.rows.iter_mut().skip(from) {
                    row.at.part = RowFile::Unlined;
                }
            }
        }
        Ok(())
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
        if let Some(stored) = version.parts.get("manifest") {
            let manifest = session
                .objects
                .read(&stored.artifact.uri, MANIFEST_MAX_BYTES);
            if let Some(manifest) = manifest.await.map_err(failed)? {
                self.read_manifest(&manifest)?;
            }
        }
        let identifier = RowIdentifier::of_version(&self.prompt.settings());
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
            let mut lines = RowReader::new(&identifier, part, &mut self.rows, &mut self.profile);
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
