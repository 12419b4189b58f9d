//! The names of types: one name means one thing, across the workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use crate::checkout::{self, TrackedFile};

/// Names that more than one module may give, because the path of the module says which it is.
const SHARED: [(&str, &str); 13] = [
    ("Args", "the arguments of the command that the module is"),
    ("Config", "the settings of the function that the crate is"),
    ("Error", "what goes wrong in the module"),
    (
        "State",
        "what the service or the document of the module is in",
    ),
    ("Checkpoint", EMULATED),
    ("Clock", EMULATED),
    ("Execution", EMULATED),
    ("Incident", EMULATED),
    ("NewJob", EMULATED),
    ("Point", EMULATED),
    ("Readiness", EMULATED),
    ("TrafficTarget", EMULATED),
    ("Vertex", EMULATED),
];

/// Why an emulator gives a name that one of its clients has: a client and an emulator that shared
/// the type would share its bugs.
const EMULATED: &str = "the same resource, as its client and as its emulator see it";

/// Names that say nothing without the module's: no type is called so.
const TOO_PLAIN: [&str; 8] = [
    "Body", "Fact", "Head", "Kind", "Look", "Order", "Place", "Told",
];

/// Where each visible type of the workspace's shipped code is declared.
fn declared(files: &[TrackedFile]) -> BTreeMap<String, Vec<String>> {
    static TYPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^\s*pub(?:\([^)]*\))? (?:struct|enum|trait|union) (\w+)").unwrap()
    });
    let tests = test_modules(files);
    let is_test = |path: &str| {
        let aside = ["/benches/", "/fuzz/"].iter().any(|it| path.contains(it));
        aside || tests.iter().any(|it| path.starts_with(it.as_str()))
    };
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.iter().filter(|it| it.is_rust() && !is_test(&it.path)) {
        let text = file.text.as_deref().unwrap_or_default();
        for found in TYPE.captures_iter(without_test_blocks(text)) {
            let places = declared.entry(found[1].to_owned()).or_default();
            places.push(file.path.clone());
        }
    }
    declared
}

/// The source up to its block of tests, which stands last.
fn without_test_blocks(text: &str) -> &str {
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*(?:pub(?:\([^)]*\))? )?mod \w+ \{")
            .unwrap()
    });
    BLOCK
        .find(text)
        .map_or(text, |block| &text[..block.start()])
}

/// The beginnings of the paths of modules that are compiled for tests only.
fn test_modules(files: &[TrackedFile]) -> BTreeSet<String> {
    static MODULE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);").unwrap()
    });
    let mut modules = BTreeSet::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let folder = match file.path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs")) => folder,
            _ => file.path.strip_suffix(".rs").unwrap(),
        };
        let text = file.text.as_deref().unwrap_or_default();
        for found in MODULE.captures_iter(text) {
            let module = format!("{folder}/{}", &found[1]);
            modules.extend([format!("{module}.rs"), format!("{module}/")]);
        }
    }
    modules
}

/// What is wrong with the names of `files`, where `shared` may be given more than once.
fn faults(files: &[TrackedFile], shared: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    let declared = declared(files);
    for (name, places) in &declared {
        let places = places.join(", ");
        let may_be_shared = shared.iter().any(|(it, _)| it == name);
        if TOO_PLAIN.contains(&name.as_str()) {
            faults.push(format!("`{name}` says nothing: {places}"));
        } else if places.contains(", ") && !may_be_shared {
            faults.push(format!("`{name}` is declared more than once: {places}"));
        }
    }
    for (name, reason) in shared {
        assert!(!reason.is_empty(), "{name}");
        if declared.get(*name).is_none_or(|places| places.len() < 2) {
            faults.push(format!("`{name}` need not be shared"));
        }
    }
    faults
}

#[test]
fn a_name_of_a_type_means_one_thing() {
    let faults = faults(&checkout::files(), &SHARED);
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], shared: &[(&str, &str)], expected: &[&str]) {
        let files = files.iter().map(|(path, text)| TrackedFile {
            path: (*path).to_owned(),
            text: Some((*text).to_owned()),
        });
        assert_eq!(faults(&files.collect::<Vec<_>>(), shared), expected);
    }

    #[test]
    fn a_name_that_is_given_twice_is_found() {
        let one = (
            "shared/src/a.rs",
            "pub struct Gem;\nstruct Private;\npub(crate) enum Error {}\n",
        );
        let two = (
            "infra/b/src/b.rs",
            "    pub(super) trait Gem {}\nstruct Private;\npub enum Error {}\n",
        );
        let twice = "`Gem` is declared more than once: shared/src/a.rs, infra/b/src/b.rs";
        check(&[one, two], &[("Error", "why")], &[twice]);
        check(&[one], &[("Error", "why")], &["`Error` need not be shared"]);
        let plain = ("a/src/c.rs", "pub struct Place;");
        check(&[plain], &[], &["`Place` says nothing: a/src/c.rs"]);
    }

    #[test]
    fn tests_benches_and_the_fuzzer_name_as_they_like() {
        let gem = "pub struct Gem;\n";
        let lib = "#[cfg(test)]\nmod trial;\npub struct Gem;\n#[cfg(test)]\nmod tests {\n    pub struct Gem;\n}\n";
        let files = [
            ("a/src/lib.rs", lib),
            ("a/src/trial.rs", gem),
            ("a/src/trial/part.rs", gem),
            ("a/benches/speed.rs", gem),
            ("a/fuzz/src/main.rs", gem),
        ];
        check(&files, &[], &[]);
    }
}
