//! The rows of a demo.

use std::{
    io,
    path::{Path, PathBuf},
};

use shared::{id::DatasetName, recipe};
use tempfile::TempDir;

/// The example in this binary: the demo needs no checkout.
const EXAMPLE: &str = "support-tickets";
const EXAMPLE_ROWS: &[u8] = include_bytes!("../../../examples/support-tickets/data.jsonl");
const EXAMPLE_RECIPE: &[u8] = include_bytes!("../../../examples/support-tickets/recipe.toml");

/// The stem of a file's name that says nothing about its rows: its folder names the dataset.
const PLAIN_STEM: &str = "data";

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Two files would have the same name as a dataset.
    #[error("two files have the dataset name `{0}`: rename one of them")]
    SameName(DatasetName),
    /// The example cannot be written.
    #[error("the example rows cannot be written to a temporary directory")]
    Example(#[source] io::Error),
}

/// A file and the name of its dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DemoInput {
    /// The path.
    pub(super) file: PathBuf,
    /// The name of the dataset.
    pub(super) dataset: DatasetName,
}

/// The files and their names; or the example, which exists as long as the returned directory.
pub(super) fn inputs(files: &[PathBuf]) -> Result<(Vec<DemoInput>, Option<TempDir>), Error> {
    if files.is_empty() {
        let directory = write_example().map_err(Error::Example)?;
        let input = DemoInput {
            file: directory.path().join("data.jsonl"),
            dataset: DatasetName::of_object(&format!("{EXAMPLE}/data.jsonl")),
        };
        return Ok((vec![input], Some(directory)));
    }
    let mut inputs: Vec<DemoInput> = Vec::new();
    for file in files {
        let input = input(file)?;
        if inputs.iter().any(|other| other.dataset == input.dataset) {
            return Err(Error::SameName(input.dataset));
        }
        inputs.push(input);
    }
    Ok((inputs, None))
}

fn write_example() -> io::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("data.jsonl"), EXAMPLE_ROWS)?;
    std::fs::write(directory.path().join(recipe::FILE_NAME), EXAMPLE_RECIPE)?;
    Ok(directory)
}

fn input(file: &Path) -> Result<DemoInput, Error> {
    // Absolute, so that a bare `data.jsonl` has a folder too.
    let absolute = file.canonicalize().map_err(|source| Error::Read {
        path: file.to_owned(),
        source,
    })?;
    let stem = absolute.file_stem().unwrap_or_default().to_string_lossy();
    let folder = absolute.parent().and_then(Path::file_name);
    let name = match folder {
        Some(folder) if stem == PLAIN_STEM => folder.to_string_lossy(),
        Some(_) | None => stem,
    };
    Ok(DemoInput {
        file: file.to_owned(),
        // As a folder: only the name of a file has an extension.
        dataset: DatasetName::of_object(&format!("{name}/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_named_after_its_file_or_folder() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("My Tickets");
        std::fs::create_dir(&folder).unwrap();
        let (plain, named) = (folder.join("data.jsonl"), folder.join("rows.v2.jsonl"));
        std::fs::write(&plain, "").unwrap();
        std::fs::write(&named, "").unwrap();
        let (inputs, _) = inputs(&[plain.clone(), named]).unwrap();
        let datasets: Vec<&str> = inputs.iter().map(|input| input.dataset.as_str()).collect();
        assert_eq!(datasets, ["my-tickets", "rows-v2"]);
        let twice = super::inputs(&[plain.clone(), plain]).unwrap_err();
        assert!(matches!(twice, Error::SameName(_)), "{twice}");
        let missing = super::inputs(&[folder.join("missing")]).unwrap_err();
        assert!(matches!(missing, Error::Read { .. }), "{missing}");
    }

    #[test]
    fn the_example_needs_no_checkout() {
        let (inputs, _directory) = inputs(&[]).unwrap();
        assert_eq!(inputs[0].dataset.as_str(), EXAMPLE);
        assert!(inputs[0].file.exists());
    }
}
