//! The README of each function against its code and the topology.

use std::collections::BTreeSet;

use local::topology::Topology;

use crate::{
    checkout,
    topology::{Fact, facts},
};

/// The rows that a function's table has, in order.
const ROWS: [&str; 5] = ["hears", "tells", "reads", "writes", "settings"];

/// The cell of a row in a README's table.
fn cell(function: &str, row: &str) -> String {
    let text = checkout::read(&format!("functions/{function}/README.md"));
    let mut cells = text
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("| {row} |")));
    let cell = cells.next().map(str::to_owned);
    cell.unwrap_or_else(|| panic!("the README of {function} has no row `{row}`"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of topics in a cell.
fn topics(cell: &str, topology: &Topology) -> BTreeSet<String> {
    let known = |name: &&str| topology.topics.contains_key(*name);
    quoted(cell).filter(known).map(str::to_owned).collect()
}

/// The shipped part of a function's source.
fn source(function: &str) -> String {
    let folder = format!("functions/{function}/src/");
    let files = checkout::files().into_iter();
    let ours = files.filter(|file| file.path.starts_with(&folder) && file.path.ends_with(".rs"));
    ours.filter_map(|file| file.text)
        .map(|text| shipped(&text).to_owned())
        .collect()
}

/// A file without its tests.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// Words in capitals with an underscore: how settings are called.
fn settings(words: impl Iterator<Item = impl AsRef<str>>) -> BTreeSet<String> {
    let capital = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    words
        .map(|word| word.as_ref().to_owned())
        .filter(|word| word.contains('_') && word.chars().all(capital))
        .collect()
}

#[test]
fn a_readme_has_every_row_in_order() {
    for function in checkout::functions() {
        let text = checkout::read(&format!("functions/{function}/README.md"));
        let place = |row| text.find(&format!("\n| {row} |"));
        let places: Vec<_> = ROWS.iter().map(place).collect();
        assert!(places[0].is_some() && places.is_sorted(), "{function}");
        assert!(text.starts_with(&format!("# {function}\n\n")), "{function}");
        assert!(
            text.contains("\n## What it does not do\n"),
            "{function} does not say what it leaves out"
        );
    }
}

#[test]
fn a_function_hears_what_its_readme_says() {
    let topology = Topology::load().unwrap();
    for function in checkout::functions() {
        let heard = topology.functions[&function].path_by_topic.keys();
        let heard: BTreeSet<String> = heard.cloned().collect();
        let said = topics(&cell(&function, "hears"), &topology);
        assert_eq!(said, heard, "{function}");
    }
}

/// A function names the types of the facts that it hears and tells, and of no others.
#[test]
fn a_function_tells_what_its_readme_says() {
    let topology = Topology::load().unwrap();
    for function in checkout::functions() {
        let source = source(&function);
        let names = |fact: &Fact| {
            source
                .split(|it: char| !it.is_alphanumeric())
                .any(|word| word == fact.name)
        };
        let named = facts()
            .into_iter()
            .filter(names)
            .map(|fact| fact.topic.to_owned());
        let told_by_functions: BTreeSet<&str> = facts().into_iter().map(|it| it.topic).collect();
        let mut said = topics(&cell(&function, "hears"), &topology);
        said.retain(|topic| told_by_functions.contains(topic.as_str()));
        said.extend(topics(&cell(&function, "tells"), &topology));
        assert_eq!(said, named.collect(), "{function}");
    }
}

#[test]
fn a_function_reads_the_settings_that_its_readme_says() {
    for function in checkout::functions() {
        let code = checkout::read(&format!("functions/{function}/src/config.rs"));
        let read = settings(shipped(&code).split('"').skip(1).step_by(2));
        let said = settings(quoted(&cell(&function, "settings")));
        assert_eq!(said, read, "{function}");
    }
}
