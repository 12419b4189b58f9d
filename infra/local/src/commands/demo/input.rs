//! The rows that a demo plays with.

use std::{
    io,
    path::{Path, PathBuf},
};

use shared::{id::DatasetName, recipe};
use tempfile::TempDir;

/// The example that this build carries: the demo needs no checkout.
const EXAMPLE: &str = "support-tickets";
const EXAMPLE_ROWS: &[u8] = include_bytes!("../../../examples/support-tickets/data.jsonl");
const EXAMPLE_RECIPE: &[u8] = include_bytes!("../../../examples/support-tickets/recipe.toml");

/// A file's name that says nothing of its rows: the folder's does.
const PLAIN_STEM: &str = "data";

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Two files would be one dataset.
    #[error("two files are called `{0}`: rename one, since each is a dataset of its own")]
    SameName(DatasetName),
    /// The example cannot be unpacked.
    #[error("the example rows cannot be written to a temporary directory")]
    Unpack(#[source] io::Error),
}

/// A file and the dataset that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// Where it is.
    pub(super) file: PathBuf,
    /// What it is called.
    pub(super) dataset: DatasetName,
}

/// The files with their names, or the example, which lives as long as the directory.
pub(super) fn inputs(files: &[PathBuf]) -> Result<(Vec<Input>, Option<TempDir>), Error> {
    if files.is_empty() {
        let directory = unpack().map_err(Error::Unpack)?;
        let input = Input {
            file: directory.path().join("data.jsonl"),
            dataset: DatasetName::of_object(&format!("{EXAMPLE}/data.jsonl")),
        };
        return Ok((vec![input], Some(directory)));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for file in files {
        let input = input(file)?;
        if inputs.iter().any(|other| other.dataset == input.dataset) {
            return Err(Error::SameName(input.dataset));
        }
        inputs.push(input);
    }
    Ok((inputs, None))
}

fn unpack() -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("data.jsonl"), EXAMPLE_ROWS)?;
    std::fs::write(directory.path().join(recipe::FILE_NAME), EXAMPLE_RECIPE)?;
    Ok(directory)
}

fn input(file: &Path) -> Result<Input, Error> {
    // Whole, so that a bare `data.jsonl` has a folder too.
    let whole = file.canonicalize().map_err(|source| Error::Read {
        path: file.to_owned(),
        source,
    })?;
    let stem = whole.file_stem().unwrap_or_default().to_string_lossy();
    let folder = whole.parent().and_then(Path::file_name);
    let name = match folder {
        Some(folder) if stem == PLAIN_STEM => folder.to_string_lossy(),
        Some(_) | None => stem,
    };
    Ok(Input {
        file: file.to_owned(),
        // As a folder: dots in a name are no suffix here.
        dataset: DatasetName::of_object(&format!("{name}/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_name_or_its_folder() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("My Tickets");
        std::fs::create_dir(&folder).unwrap();
        let (plain, named) = (folder.join("data.jsonl"), folder.join("rows.v2.jsonl"));
        std::fs::write(&plain, "").unwrap();
        std::fs::write(&named, "").unwrap();
        let (inputs, _) = inputs(&[plain.clone(), named]).unwrap();
        let called: Vec<&str> = inputs.iter().map(|input| input.dataset.as_str()).collect();
        assert_eq!(called, ["my-tickets", "rows-v2"]);
        let twice = super::inputs(&[plain.clone(), plain]).unwrap_err();
        assert!(matches!(twice, Error::SameName(_)), "{twice}");
        let missing = super::inputs(&[folder.join("missing")]).unwrap_err();
        assert!(matches!(missing, Error::Read { .. }), "{missing}");
    }

    #[test]
    fn the_example_is_at_hand_anywhere() {
        let (inputs, _directory) = inputs(&[]).unwrap();
        assert_eq!(inputs[0].dataset.as_str(), EXAMPLE);
        assert!(inputs[0].file.exists());
    }
}
