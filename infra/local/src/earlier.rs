//! What earlier versions hold out, as arguments.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use clean_engine::{HeldOut, Settings};
use serde::Deserialize;

/// The rows of a version that models are compared with.
const EVAL: &str = "eval.jsonl";
/// What a version says of itself.
const MANIFEST: &str = "manifest.json";

/// Earlier versions, whose questions must not be trained on.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Earlier {
    /// Rows whose questions must not be trained on: a file of JSON lines, or the directory of an
    /// earlier version, whose eval.jsonl is meant. Name every earlier version, each with an option
    /// of its own.
    #[arg(long, value_name = "PATH")]
    held_out: Vec<PathBuf>,
}

/// Why an earlier version cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory holds no version.
    #[error("`{}` has no `{EVAL}`: is it what `lapidary clean` made?", .0.display())]
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
    /// A file is no manifest.
    #[error("`{}` is no manifest of a version", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A line is no row.
    #[error("{lines} of `{}` are no rows of a format known", path.display())]
    NoRows {
        /// Which file.
        path: PathBuf,
        /// How many lines.
        lines: String,
    },
}

/// What is read of a manifest.
#[derive(Deserialize)]
struct Manifest {
    settings: Settings,
}

impl Earlier {
    /// What they hold out; of rows that come without a manifest, `settings` tell what a recipe has
    /// put around them.
    pub(crate) fn read(&self, settings: &Settings) -> Result<HeldOut, Error> {
        let mut held_out = HeldOut::default();
        for path in &self.held_out {
            if path.is_dir() {
                let eval = path.join(EVAL);
                if !eval.exists() {
                    return Err(Error::NoVersion(path.clone()));
                }
                let own = settings_of(path)?;
                read(&eval, own.as_ref().unwrap_or(settings), &mut held_out)?;
            } else {
                read(path, settings, &mut held_out)?;
            }
        }
        Ok(held_out)
    }
}

fn read(path: &Path, settings: &Settings, held_out: &mut HeldOut) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let rows = held_out.read(BufReader::new(file), settings);
    match rows.map_err(failed)?.unread {
        0 => Ok(()),
        // A question that is not understood could be trained on.
        lines => Err(Error::NoRows {
            path: path.to_owned(),
            lines: crate::text::things(lines, "line"),
        }),
    }
}

/// What a version in a directory was cleaned by, if it says so.
fn settings_of(directory: &Path) -> Result<Option<Settings>, Error> {
    let path = directory.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path, source }),
    };
    let manifest: Result<Manifest, _> = serde_json::from_slice(&text);
    let manifest = manifest.map_err(|source| Error::Manifest { path, source })?;
    Ok(Some(manifest.settings))
}

#[cfg(test)]
impl Earlier {
    /// These paths.
    pub(crate) fn at(paths: &[&Path]) -> Self {
        Self {
            held_out: paths.iter().map(|path| path.to_path_buf()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::error::Chain;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let check = |path: &Path, expected: &str| {
            let refused = Earlier::at(&[path]).read(&Settings::default()).unwrap_err();
            let refused = Chain(&refused).to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check(directory, "has no `eval.jsonl`");
        check(&directory.join("rows.jsonl"), "cannot read");
        let row = "{\"input\":\"a\",\"output\":\"b\"}\n";
        fs::write(directory.join("rows.jsonl"), format!("{row}no row\n")).unwrap();
        check(&directory.join("rows.jsonl"), "1 line of");
        fs::write(directory.join("eval.jsonl"), row).unwrap();
        let held_out = Earlier::at(&[directory]).read(&Settings::default());
        assert_eq!(held_out.unwrap().rows(), 1);
        fs::write(directory.join("manifest.json"), "{}").unwrap();
        check(directory, "is no manifest");
    }
}
