//! What a format is: which rows it takes, and how it converts one to an [`Example`].
//!
//! The formats themselves, and their list, are in [`formats`](crate::formats).

pub(crate) mod fields;

use crate::{example::Example, json::Object, keys::Keys, rule::Fault};

/// A way to write a row.
#[derive(Debug)]
pub(crate) struct Format {
    /// The name in reports; never changes once published.
    pub(crate) name: &'static str,
    /// The keys a row must have.
    pub(crate) keys: Keys,
    /// Keys of which a row must have none: with one of them it is in another format.
    pub(crate) without: Keys,
    /// Other columns that it reads, where a row has them.
    pub(crate) reads: &'static [&'static str],
    /// Converts the row.
    pub(crate) convert: Convert,
}

/// Converts a row; repairs made on the way are added to the second argument.
pub(crate) type Convert = for<'a> fn(Object<'a>, &mut Vec<Fault>) -> Result<Example<'a>, Fault>;

impl Format {
    /// Whether a row with `keys` can be in this format.
    pub(crate) fn takes(&self, keys: Keys) -> bool {
        keys.has(self.keys) && !keys.has_any(self.without)
    }

    /// Whether a row in this format is read by the key `key`.
    pub(crate) fn reads(&self, key: &str) -> bool {
        self.keys.has_named(key) || self.reads.contains(&key)
    }
}
