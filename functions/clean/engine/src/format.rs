//! What a format is: which rows it takes, and how it converts one to an [`Example`].
//!
//! The formats themselves, and their list, are in [`formats`](crate::formats).

pub(crate) mod fields;

use crate::{example::Example, json::Object, keys::Keys, rule::Fault, rules};

/// A way to write a row.
#[derive(Debug)]
pub(crate) struct Format {
    /// The name in reports; never changes once published.
    pub(crate) name: &'static str,
    /// The keys a row must have.
    pub(crate) keys: Keys,
    /// Keys of which a row must have none: with one of them it is in another format.
    pub(crate) without: Keys,
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

    /// Converts `row`, and trims whitespace around its turns.
    pub(crate) fn read<'a>(
        &'static self,
        row: Object<'a>,
        faults: &mut Vec<Fault>,
    ) -> Result<(&'static Self, Example<'a>), Fault> {
        let mut example = (self.convert)(row, faults)?;
        if example.trim() {
            faults.push(Fault::new(&rules::trim::RULE));
        }
        Ok((self, example))
    }
}
