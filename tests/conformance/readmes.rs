//! The README of each function against its code and the topology.

use std::collections::BTreeSet;

use local::topology::Topology;

use crate::{
    checkout,
    documents::{Dealings, declared},
    topology::{Fact, facts},
};

/// The rows that a function's table has, in order.
const ROWS: [&str; 5] = ["consumes", "publishes", "reads", "writes", "settings"];

/// The cell of a row in a README's table.
pub(crate) fn cell(function: &str, row: &str) -> String {
    let text = checkout::read(&format!("functions/{function}/README.md"));
    let mut cells = text
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("| {row} |")));
    let cell = cells.next().map(str::to_owned);
    cell.unwrap_or_else(|| panic!("the README of {function} has no row `{row}`"))
}

/// What stands between backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of topics in a cell.
pub(crate) fn topics(cell: &str, topology: &Topology) -> BTreeSet<String> {
    let known = |name: &&str| topology.topics.contains_key(*name);
    quoted(cell).filter(known).map(str::to_owned).collect()
}

/// The shipped part of a function's source.
pub(crate) fn source(function: &str) -> String {
    let folder = format!("functions/{function}/src/");
    let files = checkout::files().into_iter();
    let ours = files.filter(|file| file.path.starts_with(&folder) && file.is_rust());
    ours.filter_map(|file| file.text)
        .map(|text| shipped(&text).to_owned())
        .collect()
}

/// A file without its tests.
pub(crate) fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// Words in capitals with an underscore: how settings are called.
pub(crate) fn settings(words: impl Iterator<Item = impl AsRef<str>>) -> BTreeSet<String> {
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
        let said = topics(&cell(&function, "consumes"), &topology);
        assert_eq!(said, heard, "{function}");
    }
}

/// A function names the types of the facts that it hears and tells, and of no others.
#[test]
fn a_function_tells_what_its_readme_says() {
    let topology = Topology::load().unwrap();
    for function in checkout::functions() {
        let source = source(&function);
        let speaks_of = |fact: &Fact| {
            source
                .split(|it: char| !it.is_alphanumeric())
                .any(|word| word == fact.name)
        };
        let named = facts()
            .into_iter()
            .filter(speaks_of)
            .map(|fact| fact.topic.to_owned());
        let told_by_functions: BTreeSet<&str> = facts().into_iter().map(|it| it.topic).collect();
        let mut said = topics(&cell(&function, "consumes"), &topology);
        said.retain(|topic| told_by_functions.contains(topic.as_str()));
        said.extend(topics(&cell(&function, "publishes"), &topology));
        assert_eq!(said, named.collect(), "{function}");
    }
}

#[test]
fn a_function_reads_the_settings_that_its_readme_says() {
    for function in checkout::functions() {
        let code = checkout::read(&format!("functions/{function}/src/config.rs"));
        let read = settings(shipped(&code).split('"').skip(1).step_by(2));
        let told = settings(quoted(&cell(&function, "settings")));
        assert_eq!(told, read, "{function}");
    }
}

/// The collections that a cell names.
fn collections(cell: &str) -> BTreeSet<String> {
    let known = |name: &&str| declared().iter().any(|(_, it)| it == name);
    quoted(cell).filter(known).map(str::to_owned).collect()
}

/// What a function writes it may read back; nothing else that it reads goes unsaid.
#[test]
fn a_function_reads_the_documents_that_its_readme_says() {
    for function in checkout::functions() {
        let read = Dealings::of(&source(&function)).collections_read();
        let said = collections(&cell(&function, "reads"));
        let written = collections(&cell(&function, "writes"));
        let silent: Vec<_> = said.difference(&read).collect();
        assert!(silent.is_empty(), "{function} does not read {silent:?}");
        let unsaid = read.iter().filter(|it| !said.contains(*it));
        let unsaid: Vec<_> = unsaid.filter(|it| !written.contains(*it)).collect();
        assert!(unsaid.is_empty(), "{function} reads {unsaid:?}");
    }
}

/// The code does not name the types that it writes, the compiler finds them. So this knows whether
/// a function writes documents, and that it knows of those it is said to write, and no more.
#[test]
fn a_function_writes_documents_where_its_readme_says_so() {
    for function in checkout::functions() {
        let source = source(&function);
        let dealings = Dealings::of(&source);
        let writes = ["create", "replace", "put"];
        let writes = writes.iter().any(|it| dealings.calls.contains(*it));
        let words: BTreeSet<&str> = source.split(|it: char| !it.is_alphanumeric()).collect();
        let said = collections(&cell(&function, "writes"));
        assert_eq!(writes, !said.is_empty(), "{function}");
        for collection in said {
            let mut types = declared().iter().filter(|(_, it)| *it == collection);
            let knows = types.any(|(name, _)| words.contains(name.as_str()));
            assert!(knows, "{function} does not know of {collection}");
        }
    }
}
