//! The files that documents name: each is where the document says.

use std::{collections::BTreeSet, path::Path};

use crate::{checkout, readmes::quoted};

/// The documents that newcomers find their way by.
const DOCUMENTS: [&str; 5] = [
    ".github/CONTRIBUTING.md",
    "README.md",
    "functions/README.md",
    "shared/README.md",
    "tests/README.md",
];

/// Endings of files that only the repository has; `.json` and `.toml` are also those of uploads
/// and of stored objects, so they count below a folder of the repository alone.
const SOURCES: [&str; 6] = ["md", "py", "rs", "sh", "tf", "yaml"];

/// Whether `path`, as `document` names it, is a file or a folder of `all`.
fn exists(path: &str, document: &str, all: &BTreeSet<String>) -> bool {
    let (above, _) = document.rsplit_once('/').unwrap_or_default();
    let wanted = path.trim_end_matches('/');
    // A name alone is enough where the text says which folder is meant.
    let is_it = |file: &str| {
        let is_at = |start: &str| {
            file.strip_prefix(start)
                .is_some_and(|rest| matches(rest, wanted))
        };
        is_at("") || is_at(&format!("{above}/")) || file.ends_with(&format!("/{wanted}"))
    };
    all.iter().any(|file| is_it(file))
}

/// Whether `path` is `wanted` or lies in it; `*` stands for one name.
fn matches(path: &str, wanted: &str) -> bool {
    let mut names = path.split('/');
    wanted.split('/').all(|wanted| {
        let name = names.next();
        name.is_some_and(|name| wanted == "*" || wanted == name)
    })
}

/// Whether `word` looks like the path of a file or folder of a repository of these `tops`.
fn is_path(word: &str, tops: &BTreeSet<&str>) -> bool {
    let in_path = |it: char| it.is_ascii_alphanumeric() || "/._-*".contains(it);
    if word.is_empty() || !word.chars().all(in_path) {
        return false;
    }
    let is_below = word
        .split_once('/')
        .is_some_and(|(top, _)| tops.contains(top));
    let ending = Path::new(word).extension().and_then(|it| it.to_str());
    is_below || ending.is_some_and(|ending| SOURCES.contains(&ending) && !word.starts_with('.'))
}

/// The paths that `text`, the text of `document`, names in vain.
fn missing(document: &str, text: &str, all: &BTreeSet<String>) -> Vec<String> {
    let tops = all.iter().filter_map(|file| file.split_once('/'));
    let tops: BTreeSet<&str> = tops.map(|(top, _)| top).collect();
    let named = quoted(text).filter(|word| is_path(word, &tops));
    let missing = named.filter(|path| !exists(path, document, all));
    missing
        .map(|path| format!("{document} names `{path}`"))
        .collect()
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let all: BTreeSet<String> = checkout::files().into_iter().map(|it| it.path).collect();
    let missing: Vec<String> = DOCUMENTS
        .iter()
        .flat_map(|document| {
            if all.contains(*document) {
                missing(document, &checkout::read(document), &all)
            } else {
                vec![format!("there is no {document}")]
            }
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_found() {
        let files = [
            "README.md",
            "tests/README.md",
            "tests/src/wait.rs",
            "functions/a/README.md",
        ];
        let all: BTreeSet<String> = files.map(str::to_owned).into();
        let text = "`tests/src/wait.rs`, `src/wait.rs`, `wait.rs`, `tests/src/`, `functions/*/README.md`, \
                    `cargo test`, `recipe.toml`, `data/rows.json`, `a::b.rs()`, `tests/gone.rs`, \
                    `gone.rs`, `tests/src/wait`, `functions/*/gone.md`";
        let expected = [
            "tests/gone.rs",
            "gone.rs",
            "tests/src/wait",
            "functions/*/gone.md",
        ];
        let expected = expected.map(|path| format!("tests/README.md names `{path}`"));
        assert_eq!(missing("tests/README.md", text, &all), expected);
    }
}
