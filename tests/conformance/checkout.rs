//! The files of the repository, for tests of its shape.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A tracked file.
pub(crate) struct TrackedFile {
    /// Its path from the top, with slashes.
    pub(crate) path: String,
    /// Its text; `None` if it is not UTF-8.
    pub(crate) text: Option<String>,
}

impl TrackedFile {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|it| it == "rs")
    }
}

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// Reads a text by its path from the top.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every tracked file; without git, every file except hidden and built ones.
pub(crate) fn files() -> Vec<TrackedFile> {
    let mut paths = tracked().unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&top(), "", &mut found);
        found
    });
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .filter(|path| top().join(path).is_file())
        .map(|path| TrackedFile {
            text: fs::read_to_string(top().join(&path)).ok(),
            path,
        })
        .collect()
}

/// The functions' folders.
pub(crate) fn functions() -> Vec<String> {
    let entries = fs::read_dir(top().join("functions")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    folders.filter(|path| path.is_dir()).map(name).collect()
}

/// A source without its tests.
pub(crate) fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

fn tracked() -> Option<Vec<String>> {
    let mut git = Command::new("git");
    let listed = git.arg("ls-files").current_dir(top()).output().ok()?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    let paths: Vec<String> = listed.lines().map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        match entry.file_type().unwrap().is_dir() {
            true if name.starts_with('.') || path == "target" => {}
            true => walk(&entry.path(), &format!("{path}/"), found),
            false => found.push(path),
        }
    }
}
