//! How a source uses Firestore: which documents it declares and reads, and which methods it calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use crate::checkout::{self, shipped};

/// The use of Firestore by one source, or by several joined.
#[derive(Debug, Default)]
pub(crate) struct FirestoreUse {
    /// The collection of each type that is declared as a document.
    pub(crate) types: BTreeMap<String, String>,
    /// The methods of `Documents` that are called.
    pub(crate) calls: BTreeSet<String>,
    /// The types that are read.
    reads: BTreeSet<String>,
}

impl FirestoreUse {
    /// The use in `source`.
    ///
    /// Panics unless every read names its type, as in `get::<Run>`: neither this nor a reader sees
    /// the types that the compiler infers.
    pub(crate) fn of(source: &str) -> Self {
        let called = Regex::new(r"documents\s*\.(\w+)(?:::<(\w+)>)?\(").unwrap();
        let mut found = Self {
            types: types(source).collect(),
            ..Self::default()
        };
        for it in called.captures_iter(source) {
            if &it[1] != "clone" {
                found.calls.insert(it[1].to_owned());
            }
            if [
                "get",
                "with_field",
                "newest",
                "query_all",
                "page_since",
                "page_where",
            ]
            .contains(&&it[1])
            {
                let name = it.get(2).map(|name| name.as_str());
                let before = &source[..it.get(0).unwrap().start()];
                match name.unwrap_or_else(|| panic!("`{}` does not name its type", &it[0])) {
                    "Self" => drop(found.reads.insert(impl_type(before))),
                    "T" => found.reads.extend(type_arguments(before, source)),
                    name => drop(found.reads.insert(name.to_owned())),
                }
            }
        }
        found
    }

    /// The collections that are read.
    pub(crate) fn collections_read(&self) -> BTreeSet<String> {
        let collection = |name: &String| {
            let all = declared().iter().find(|(it, _)| it == name);
            let found = self.types.get(name).or(all.map(|(_, it)| it));
            found
                .unwrap_or_else(|| panic!("`{name}` is not a document"))
                .clone()
        };
        self.reads.iter().map(collection).collect()
    }
}

/// Every document type and its collection; read once.
pub(crate) fn declared() -> &'static [(String, String)] {
    static ALL: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let ours = |path: &str| path.starts_with("shared/src/") || path.starts_with("functions/");
        let files = checkout::files().into_iter();
        files
            .filter(|file| file.is_rust() && ours(&file.path))
            .filter_map(|file| file.text)
            .flat_map(|text| types(shipped(&text)).collect::<Vec<_>>())
            .collect()
    });
    &ALL
}

/// The types that `source` declares as documents, with their collections.
pub(crate) fn types(source: &str) -> impl Iterator<Item = (String, String)> {
    let impls = source.split("\nimpl Document for ").skip(1);
    impls.filter_map(|text| {
        let (name, text) = text.split_once(" {\n    const COLLECTION: &'static str = \"")?;
        let (collection, _) = text.split_once('"')?;
        Some((name.to_owned(), collection.to_owned()))
    })
}

/// The type of the `impl` block that `before` ends in.
fn impl_type(before: &str) -> String {
    let of = Regex::new(r"\nimpl(?: \w+ for)? (\w+) \{").unwrap();
    let last = of.captures_iter(before).last().expect("an implementation");
    last[1].to_owned()
}

/// The types with which `source` calls the generic function that `before` ends in.
fn type_arguments(before: &str, source: &str) -> Vec<String> {
    let of = Regex::new(r"fn (\w+)<T: Document>").unwrap();
    let last = of.captures_iter(before).last().expect("a function of T");
    let calls = Regex::new(&format!(r"\b{}(?:::<(\w+)>)?\(", &last[1])).unwrap();
    let calls = calls.captures_iter(source);
    calls
        .map(|it| {
            let name = it.get(1).map(|name| name.as_str().to_owned());
            name.unwrap_or_else(|| panic!("`{}` does not name its type", &it[0]))
        })
        .collect()
}
