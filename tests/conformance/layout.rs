//! The layout of the repository: its folders and files, and what no file may contain.

use std::path::Path;

use crate::checkout;

/// The entries at the top, apart from hidden ones.
const TOP: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "cloudbuild.yaml",
    "functions",
    "infra",
    "shared",
    "tests",
];

/// Names that say nothing, of files that tend to collect everything.
const VAGUE: [&str; 10] = [
    "common.rs",
    "helper.rs",
    "helpers.rs",
    "misc.rs",
    "mod.rs",
    "prelude.rs",
    "types.rs",
    "util.rs",
    "utils.rs",
    "stuff.rs",
];

/// A file with more lines is not proofread.
const LINES_MAX: usize = 900;

/// Above this number of lines a file is listed as one to split; the test does not fail.
const LINES_RECOMMENDED: usize = 300;

#[test]
fn the_top_has_only_known_entries() {
    for file in checkout::files() {
        let first = file.path.split('/').next().unwrap();
        let known = first.starts_with('.') || TOP.contains(&first);
        assert!(known, "`{first}` does not belong at the top");
    }
}

#[test]
fn a_source_file_begins_with_its_purpose() {
    for file in checkout::files() {
        if file.is_rust() {
            let text = file.text.expect("UTF-8");
            let said = text.strip_prefix("//! ").unwrap_or_default();
            assert!(
                !said.trim().is_empty(),
                "{} does not begin with //!",
                file.path
            );
        }
    }
}

#[test]
fn a_source_file_is_named_after_a_noun() {
    for file in checkout::files() {
        let name = Path::new(&file.path).file_name().unwrap();
        let is_vague = VAGUE.iter().any(|vague| name == *vague);
        assert!(!is_vague, "{}: name the noun", file.path);
    }
}

#[test]
fn a_source_file_is_short_enough_to_proofread() {
    let mut long = Vec::new();
    for file in checkout::files() {
        if file.is_rust() {
            let lines = file.text.unwrap_or_default().lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", file.path);
            long.extend((lines > LINES_RECOMMENDED).then(|| format!("{lines:5} {}", file.path)));
        }
    }
    long.sort();
    println!("above {LINES_RECOMMENDED} lines:\n{}", long.join("\n"));
}

/// A path or a host of one machine is wrong on every other. Concatenated, so that this file
/// does not match itself.
#[test]
fn no_file_names_a_path_of_one_machine() {
    let forbidden = [
        [" /ro", "ot/"],
        ["\"/ro", "ot/"],
        [" /ho", "me/"],
        ["\"/ho", "me/"],
        ["/Us", "ers/"],
        ["artifac", "tory"],
        [".inter", "nal/"],
    ]
    .map(|halves| halves.concat());
    for file in checkout::files() {
        let Some(text) = &file.text else { continue };
        for (line, number) in text.lines().zip(1..) {
            for word in &forbidden {
                let named = line.contains(word.as_str());
                assert!(!named, "{}:{number} names `{word}`", file.path);
            }
        }
    }
}
