//! The rows that earlier versions hold out, as an argument.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clean_engine::{File, HeldOut, Settings, manifest_settings};

/// The rows of a version with which models are evaluated.
const EVAL: &str = "eval.jsonl";
/// The description of a version.
const MANIFEST: &str = "manifest.json";

/// Earlier versions, whose held-out questions must not be trained on.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct EarlierVersions {
    /// Rows whose questions must not be trained on: a file in any format that is cleaned, or the
    /// directory of an earlier version, of which eval.jsonl is read. Repeat the option for every earlier version.
    #[arg(long, value_name = "PATH")]
    held_out: Vec<PathBuf>,
}

/// Why an earlier version cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory does not hold a version.
    #[error("no `{EVAL}` in `{}`: expected a directory that `lapidary clean` wrote", .0.display())]
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
    /// A file is not a manifest.
    #[error("`{}` is not a manifest that this version of lapidary can read", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The error of the parser.
        #[source]
        source: serde_json::Error,
    },
    /// A line is not a row.
    #[error("{lines} of `{}` are not rows in a known format", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
        /// The number of lines.
        lines: String,
    },
}

impl EarlierVersions {
    /// Reads the held-out rows. Where there is no manifest, `settings` say what the recipe added to each
    /// row, such as a system instruction.
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
    fs::metadata(path).map_err(failed)?;
    let rows = held_out.read_dataset(&File(path.to_path_buf()), settings);
    match rows.map_err(failed)?.unread {
        0 => Ok(()),
        // Not a warning: a question that cannot be read could be trained on unnoticed.
        lines => Err(Error::NoRows {
            path: path.to_owned(),
            lines: crate::text::things(lines, "line"),
        }),
    }
}

/// The settings by which the version in a directory was cleaned, if it has a manifest.
fn settings_of(directory: &Path) -> Result<Option<Settings>, Error> {
    let path = directory.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path, source }),
    };
    let settings = manifest_settings(&text);
    settings
        .map(Some)
        .map_err(|source| Error::Manifest { path, source })
}

#[cfg(test)]
impl EarlierVersions {
    /// The versions at these paths.
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
    fn unreadable_versions_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let check = |path: &Path, expected: &str| {
            let refused = EarlierVersions::at(&[path])
                .read(&Settings::default())
                .unwrap_err();
            let refused = Chain(&refused).to_string();
            assert!(refused.contains(expected), "{refused}");
        };
        check(directory, "no `eval.jsonl` in");
        check(&directory.join("rows.jsonl"), "cannot read");
        let row = "{\"input\":\"a\",\"output\":\"b\"}\n";
        fs::write(directory.join("rows.jsonl"), format!("{row}no row\n")).unwrap();
        check(&directory.join("rows.jsonl"), "1 line of");
        fs::write(directory.join("rows.csv"), "input,output\na,b\n").unwrap();
        let rows = EarlierVersions::at(&[&directory.join("rows.csv")]).read(&Settings::default());
        assert_eq!(rows.unwrap().rows(), 1);
        fs::write(directory.join("eval.jsonl"), row).unwrap();
        let held_out = EarlierVersions::at(&[directory]).read(&Settings::default());
        assert_eq!(held_out.unwrap().rows(), 1);
        fs::write(directory.join("manifest.json"), "{}").unwrap();
        check(directory, "is not a manifest");
    }
}
