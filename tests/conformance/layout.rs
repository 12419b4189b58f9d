//! The shape of the repository: its rooms, its files, and what none of them may say.

use std::path::Path;

use crate::checkout;

/// What may stand at the top; hidden entries aside.
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

/// Names that say nothing: an attic that everything imports.
const ATTICS: [&str; 10] = [
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

/// Lines that nobody proofreads.
const LINES_MAX: usize = 900;

/// Lines above which a file wants a second noun: reported, not refused.
const LINES_WISHED: usize = 300;

#[test]
fn the_top_holds_the_rooms_and_nothing_else() {
    for file in checkout::files() {
        let first = file.path.split('/').next().unwrap();
        let known = first.starts_with('.') || TOP.contains(&first);
        assert!(known, "`{first}` has no place at the top");
    }
}

#[test]
fn a_source_file_says_what_it_is_for() {
    for file in checkout::files() {
        if file.is_rust() {
            let text = file.text.expect("UTF-8");
            let said = text.strip_prefix("//! ").unwrap_or_default();
            assert!(!said.trim().is_empty(), "{} begins without //!", file.path);
        }
    }
}

#[test]
fn a_source_file_is_called_after_a_noun() {
    for file in checkout::files() {
        let name = Path::new(&file.path).file_name().unwrap();
        let attic = ATTICS.iter().any(|attic| name == *attic);
        assert!(!attic, "{}: name the noun", file.path);
    }
}

#[test]
fn a_source_file_can_be_proofread() {
    let mut long = Vec::new();
    for file in checkout::files() {
        if file.is_rust() {
            let lines = file.text.unwrap_or_default().lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", file.path);
            long.extend((lines > LINES_WISHED).then(|| format!("{lines:5} {}", file.path)));
        }
    }
    long.sort();
    println!("above {LINES_WISHED} lines:\n{}", long.join("\n"));
}

/// A path or a host of one machine is wrong on every other. Concatenated, so that this file
/// does not find itself.
#[test]
fn no_file_names_a_place_that_only_one_machine_has() {
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
