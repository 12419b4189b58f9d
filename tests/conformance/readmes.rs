//! The README of each function against its code and the topology.

use std::collections::{BTreeMap, BTreeSet};

use local::topology::Topology;

use crate::{
    checkout::{self, shipped},
    documents::{FirestoreUse, declared},
    topology::{PublishedEvent, events},
};

/// The rows that a function's table has, in order.
const ROWS: [&str; 4] = ["consumes", "publishes", "reads", "writes"];

/// The cell of a row in a README's table.
pub(crate) fn cell(function: &str, row: &str) -> String {
    let text = checkout::read(&format!("functions/{function}/README.md"));
    let mut cells = text
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("| {row} |")));
    let cell = cells.next().map(str::to_owned);
    cell.unwrap_or_else(|| panic!("the README of {function} has no row `{row}`"))
}

/// The settings in a function's README, with their defaults as the README writes them.
pub(crate) fn documented_settings(function: &str) -> BTreeMap<String, String> {
    let text = checkout::read(&format!("functions/{function}/README.md"));
    let section = text.split("\n## Settings\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split(" | ").map(|cell| cell.trim_matches('`'));
        let mut cell = || cells.next().unwrap_or_default().to_owned();
        (cell(), cell())
    })
    .collect()
}

/// The texts between backticks.
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

/// Words in capitals with an underscore: the names of settings.
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
        for section in ["Settings", "What it does not do"] {
            let has_it = text.contains(&format!("\n## {section}\n"));
            assert!(has_it, "{function} has no section \"{section}\"");
        }
    }
}

#[test]
fn a_function_consumes_the_topics_of_its_readme() {
    let topology = Topology::load().unwrap();
    for function in checkout::functions() {
        let consumed = topology.functions[&function].path_by_topic.keys();
        let consumed: BTreeSet<String> = consumed.cloned().collect();
        let documented = topics(&cell(&function, "consumes"), &topology);
        assert_eq!(documented, consumed, "{function}");
    }
}

/// A function names the types of the events that it consumes and publishes, and of no others.
#[test]
fn a_function_publishes_the_topics_of_its_readme() {
    let topology = Topology::load().unwrap();
    for function in checkout::functions() {
        let source = source(&function);
        let is_named = |event: &PublishedEvent| {
            source
                .split(|it: char| !it.is_alphanumeric())
                .any(|word| word == event.name)
        };
        let named = events()
            .into_iter()
            .filter(is_named)
            .map(|event| event.topic.to_owned());
        // The event of Cloud Storage itself, which has no type of its own here.
        let upload = source.contains(".publish_upload(");
        let upload = upload.then(|| "object-finalized".to_owned());
        let named = named.chain(upload);
        let published: BTreeSet<&str> = events().into_iter().map(|it| it.topic).collect();
        let mut documented = topics(&cell(&function, "consumes"), &topology);
        documented.retain(|topic| published.contains(topic.as_str()));
        documented.extend(topics(&cell(&function, "publishes"), &topology));
        assert_eq!(documented, named.collect(), "{function}");
    }
}

#[test]
fn a_function_reads_the_settings_of_its_readme() {
    for function in checkout::functions() {
        let folder = format!("functions/{function}/src/");
        let mut read = BTreeSet::new();
        for file in checkout::files() {
            if file.path.starts_with(&folder) && file.path.ends_with("/config.rs") {
                let code = file.text.expect("UTF-8");
                read.extend(settings(shipped(&code).split('"').skip(1).step_by(2)));
            }
        }
        let documented: BTreeSet<String> = documented_settings(&function).into_keys().collect();
        assert_eq!(documented, read, "{function}");
    }
}

/// The collections that a cell names.
fn collections(cell: &str) -> BTreeSet<String> {
    let known = |name: &&str| declared().iter().any(|(_, it)| it == name);
    quoted(cell).filter(known).map(str::to_owned).collect()
}

/// A function may also read what it writes; the README lists everything else that it reads.
#[test]
fn a_function_reads_the_documents_of_its_readme() {
    for function in checkout::functions() {
        let read = FirestoreUse::of(&source(&function)).collections_read();
        let said = collections(&cell(&function, "reads"));
        let written = collections(&cell(&function, "writes"));
        let silent: Vec<_> = said.difference(&read).collect();
        assert!(silent.is_empty(), "{function} does not read {silent:?}");
        let unsaid = read.iter().filter(|it| !said.contains(*it));
        let unsaid: Vec<_> = unsaid.filter(|it| !written.contains(*it)).collect();
        assert!(unsaid.is_empty(), "{function} reads {unsaid:?}");
    }
}

/// The code does not name the types that it writes, the compiler infers them. So this can only check
/// whether a function writes documents at all, and that its code names the types of the README.
#[test]
fn a_function_writes_documents_where_its_readme_says_so() {
    for function in checkout::functions() {
        let source = source(&function);
        let dealings = FirestoreUse::of(&source);
        let writes = ["create", "replace", "put"];
        let writes = writes.iter().any(|it| dealings.calls.contains(*it));
        let words: BTreeSet<&str> = source.split(|it: char| !it.is_alphanumeric()).collect();
        let said = collections(&cell(&function, "writes"));
        assert_eq!(writes, !said.is_empty(), "{function}");
        for collection in said {
            let mut types = declared().iter().filter(|(_, it)| *it == collection);
            let knows = types.any(|(name, _)| words.contains(name.as_str()));
            assert!(knows, "{function} never names a type of {collection}");
        }
    }
}
