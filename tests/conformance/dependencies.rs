//! Which crate may depend on which: tests, local and rollout, functions, shared; emulators separately.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::checkout;

/// The crates of the workspace that each of its crates may depend on. A function never depends on a
/// function; the emulators depend on none, because a client and an emulator that share a type share
/// its bugs.
fn allowed() -> BTreeMap<String, Vec<String>> {
    let functions = checkout::functions();
    let with_functions = |more: &[&str]| {
        let more = more.iter().map(|name| (*name).to_owned());
        functions.iter().cloned().chain(more).collect()
    };
    let mut allowed = BTreeMap::from([
        ("shared".to_owned(), Vec::new()),
        ("emulators".to_owned(), Vec::new()),
        ("clean-engine".to_owned(), Vec::new()),
        ("scores".to_owned(), Vec::new()),
        (
            "local".to_owned(),
            with_functions(&["clean-engine", "emulators", "scores", "shared"]),
        ),
        ("rollout".to_owned(), vec!["shared".to_owned()]),
        ("simulation".to_owned(), with_functions(&["shared"])),
        (
            "system-tests".to_owned(),
            with_functions(&["clean-engine", "emulators", "local", "rollout", "shared"]),
        ),
    ]);
    for function in &functions {
        allowed.insert(function.clone(), vec!["shared".to_owned()]);
    }
    // The only crates inside functions: what they compute, without the service around it.
    // A canary is judged by the bets that a comparison makes.
    let inside = [
        ("clean", "clean-engine"),
        ("deploy", "scores"),
        ("evaluate", "scores"),
    ];
    for (function, inside) in inside {
        let function = allowed.entry(function.to_owned()).or_default();
        function.push(inside.to_owned());
    }
    allowed
}

/// The packages of the workspace.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(checkout::top())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn dependencies_point_down() {
    let allowed = allowed();
    let packages = packages();
    let names: Vec<&str> = packages.iter().map(|it| text(&it["name"])).collect();
    let known: Vec<&str> = allowed.keys().map(String::as_str).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, known, "the workspace and the list");
    for package in &packages {
        let name = text(&package["name"]);
        for dependency in package["dependencies"].as_array().unwrap() {
            let target = text(&dependency["name"]);
            let ours = names.contains(&target);
            let is_allowed = allowed[name].iter().any(|it| it == target);
            assert!(!ours || is_allowed, "{name} must not depend on {target}");
        }
    }
}

#[test]
fn versions_are_in_the_root_manifest_only() {
    for file in checkout::files() {
        if file.path == "Cargo.toml" || !file.path.ends_with("/Cargo.toml") {
            continue;
        }
        let text = file.text.unwrap();
        // The fuzzer is a workspace of its own and cannot inherit.
        if text.contains("\n[workspace]\n") {
            continue;
        }
        let dependencies = text.split("dependencies]").skip(1);
        for line in
            dependencies.flat_map(|table| table.lines().take_while(|line| !line.starts_with('[')))
        {
            let named = line.contains('"') && !line.contains("workspace = true");
            let version = named && line.contains('=');
            assert!(!version, "{}: `{line}` sets a version", file.path);
        }
    }
}

#[test]
fn crates_come_from_one_registry() {
    let lock = checkout::read("Cargo.lock");
    let sources: BTreeSet<&str> = lock
        .lines()
        .filter(|line| line.starts_with("source = "))
        .collect();
    let registries = sources.iter().filter(|line| line.contains("registry+"));
    assert_eq!((sources.len(), registries.count()), (1, 1), "{sources:?}");
}

/// The crates that cargo compiles for `selection`, each with its features.
fn compiled(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix=none", "--format={p} {f}"])
        .args(selection)
        .current_dir(checkout::top())
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && !listed.is_empty(),
        "{selection:?}"
    );
    let lines = listed.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.map(str::to_owned).collect()
}

/// The demonstration's crates are compiled first. One feature more, in one crate that tests use, and the
/// tests compile that crate again, with all that depend on it.
#[test]
fn both_commands_of_the_readme_compile_the_same_crates() {
    let demonstration = compiled(&["--package=local", "--edges=normal,build"]);
    let tests = compiled(&["--workspace", "--edges=normal,build,dev"]);
    let again: Vec<&String> = demonstration.difference(&tests).collect();
    assert!(
        again.is_empty(),
        "tests need other features of these: {again:#?}"
    );
}
