//! Resource names of databases, collections and documents, parsed once and sorted as in queries.

use std::fmt;

use super::error::Error;

/// Bytes of one document or collection id.
/// Source: cloud.google.com/firestore/quotas, "Constraints on document IDs".
const ID_MAX_BYTES: usize = 1500;
/// Bytes of a document's whole path. Source: the same page, "maximum size for a document name".
const NAME_MAX_BYTES: usize = 6 << 10;
/// Segments of a path: a hundred collections, each with a document. Source: the same page.
const SEGMENTS_MAX: usize = 200;

/// A database's root (an empty path), a document, or, as a prefix, a collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// `projects/…/databases/…`.
    database: String,
    path: Vec<Segment>,
}

/// A collection's or a document's id.
///
/// Ids of the form `__id7__` are Datastore's numeric ids; they sort by number, before all text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// A numeric id.
    Number(i64),
    /// Any other id; sorts by its UTF-8 bytes.
    Text(String),
}

/// Parses `projects/…/databases/…`.
pub(super) fn database(text: &str) -> Result<String, Error> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["projects", project, "databases", database]
            if !project.is_empty() && !database.is_empty() =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Error::invalid(format!(
            "Database name {text:?} is not of the form \"projects/*/databases/*\"."
        ))),
    }
}

/// Parses a collection's id.
pub(super) fn collection(text: &str) -> Result<Segment, Error> {
    match segment(text)? {
        Segment::Number(_) => Err(reserved(text)),
        Segment::Text(id) => Ok(Segment::Text(id)),
    }
}

/// Whether `text` is a name that is reserved for the service.
pub(super) fn is_reserved(text: &str) -> bool {
    text.len() > 4 && text.starts_with("__") && text.ends_with("__")
}

impl Name {
    /// Parses the name of a document.
    pub(super) fn document(text: &str) -> Result<Self, Error> {
        let name = Self::parent(text)?;
        if name.path.is_empty() {
            return Err(invalid(text, "it is not the name of a document"));
        }
        Ok(name)
    }

    /// Parses the name of a parent of collections: a document, or `projects/…/databases/…/documents`.
    pub(super) fn parent(text: &str) -> Result<Self, Error> {
        if text.len() > NAME_MAX_BYTES {
            return Err(Error::invalid("Document name is longer than 6144 bytes."));
        }
        let mut parts = text.splitn(6, '/');
        let root = parts.by_ref().take(4).collect::<Vec<_>>().join("/");
        if parts.next() != Some("documents") {
            return Err(invalid(text, "it lacks \"/documents\" after its database"));
        }
        let path: Vec<Segment> = match parts.next() {
            None => Vec::new(),
            Some(rest) => rest.split('/').map(segment).collect::<Result<_, _>>()?,
        };
        if path.len() % 2 == 1 {
            return Err(invalid(text, "a collection is not a document"));
        }
        if path.len() > SEGMENTS_MAX {
            return Err(invalid(text, "it is nested too deeply"));
        }
        if let Some(Segment::Number(_)) = path.iter().step_by(2).find(|id| !id.is_text()) {
            return Err(invalid(text, "a collection id is reserved"));
        }
        Ok(Self {
            database: database(&root)?,
            path,
        })
    }

    /// The document `id` of `collection` in `self`.
    pub(super) fn child(&self, collection: Segment, id: &str) -> Result<Self, Error> {
        let mut name = self.within(collection);
        name.path.push(segment(id)?);
        Ok(name)
    }

    /// The prefix of the names of all documents of `collection` in `self`.
    pub(super) fn within(&self, collection: Segment) -> Self {
        let mut name = self.clone();
        name.path.push(collection);
        name
    }

    /// The database's own name.
    pub(super) fn database_name(&self) -> &str {
        &self.database
    }

    /// The number of ids in the path.
    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }

    /// The id at `depth`.
    pub(super) fn id(&self, depth: usize) -> Option<&Segment> {
        self.path.get(depth)
    }

    /// The collection of this document.
    pub(super) fn collection(&self) -> Option<&Segment> {
        self.path.iter().nth_back(1)
    }

    /// Whether `self` is below `prefix`, at any depth.
    pub(super) fn is_under(&self, prefix: &Self) -> bool {
        self.database == prefix.database
            && self.path.len() > prefix.path.len()
            && self.path.starts_with(&prefix.path)
    }

    /// The first `depth` ids.
    pub(super) fn ancestor(&self, depth: usize) -> Self {
        Self {
            database: self.database.clone(),
            path: self.path.iter().take(depth).cloned().collect(),
        }
    }

    /// Refuses a name in another database than that of the request.
    pub(super) fn expect_database(&self, database: &str) -> Result<(), Error> {
        if self.database == database {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "The request was for database '{database}' but was attempting to access database '{}'",
            self.database
        )))
    }
}

impl Segment {
    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/documents", self.database)?;
        self.path.iter().try_for_each(|id| write!(f, "/{id}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "__id{id}__"),
            Self::Text(id) => f.write_str(id),
        }
    }
}

fn segment(text: &str) -> Result<Segment, Error> {
    let number = text
        .strip_prefix("__id")
        .and_then(|rest| rest.strip_suffix("__"))
        .and_then(|digits| digits.parse().ok())
        .map(Segment::Number)
        .filter(|number| number.to_string() == text);
    match number {
        Some(number) => Ok(number),
        None if text.is_empty() => Err(Error::invalid("Resource id is the empty string.")),
        None if text == "." || text == ".." || is_reserved(text) => Err(reserved(text)),
        None if text.contains('/') => Err(Error::invalid(format!(
            "Resource id {text:?} is invalid because it contains \"/\"."
        ))),
        None if text.len() > ID_MAX_BYTES => Err(Error::invalid(
            "The key path element name is longer than 1500 bytes.",
        )),
        None => Ok(Segment::Text(text.to_owned())),
    }
}

fn reserved(text: &str) -> Error {
    Error::invalid(format!(
        "Resource id {text:?} is invalid because it is reserved."
    ))
}

fn invalid(text: &str, why: &str) -> Error {
    Error::invalid(format!("Document name {text:?} is invalid: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "projects/p/databases/(default)/documents";

    #[track_caller]
    fn check(path: &str, valid: bool) {
        let text = format!("{ROOT}/{path}");
        let name = Name::document(&text);
        assert_eq!(name.is_ok(), valid, "{path}: {name:?}");
        if let Ok(name) = name {
            assert_eq!(name.to_string(), text, "a name is printed as it was parsed");
        }
    }

    #[test]
    fn names_are_valid_by_the_rules_of_the_service() {
        check("c/ok", true);
        check("c/a b", true);
        check("c/a.b", true);
        check("c/é", true);
        check("c/__", true);
        check("c/____", true);
        check("c/__id7__", true);
        check(&format!("c/{}", "x".repeat(1500)), true);
        check(&format!("c/{}", "x".repeat(1501)), false);
        check("c/d/e/f", true);
        check("c/__id07__", false);
        check("c/.", false);
        check("c/..", false);
        check("c/__x__", false);
        check("__c__/d", false);
        check("__id7__/d", false);
        check("./d", false);
        check("c//d/e", false);
        check("c/", false);
        check("c", false);
        check("c/d/e", false);
        check("", false);
        for text in ["", "c/d", ROOT, "projects//databases/d/documents/c/d"] {
            assert!(Name::document(text).is_err(), "{text}");
        }
        assert!(Name::parent(ROOT).is_ok(), "a root has collections");
    }

    #[test]
    fn names_sort_by_segment_with_numbers_first() {
        let ids = [
            "sz/__id7__",
            "sz/__id10__",
            "sz/10",
            "sz/9",
            "sz/A",
            "sz/a",
            "sz/a/b/c",
            "sz/a!",
            "sz/é",
            "sz/～",
            "sz/😀",
        ];
        let names: Vec<_> = ids
            .iter()
            .map(|id| Name::document(&format!("{ROOT}/{id}")).unwrap())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
