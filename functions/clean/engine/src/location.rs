//! Where something is in a row: a JSON path and a byte offset.

use std::fmt;

/// Where something is in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    /// Member of the row.
    pub(crate) key: &'static str,
    /// Element of that member.
    pub(crate) index: Option<usize>,
    /// Byte offset in the row.
    pub(crate) at: u32,
}

impl Location {
    /// The location of a whole member.
    pub(crate) const fn of(key: &'static str, at: u32) -> Self {
        Self {
            key,
            index: None,
            at,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => write!(f, "$.{}", self.key),
            Some(index) => write!(f, "$.{}[{index}]", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_reads_as_a_path() {
        assert_eq!(Location::of("output", 0).to_string(), "$.output");
        let third = Location {
            index: Some(2),
            key: "messages",
            at: 9,
        };
        assert_eq!(third.to_string(), "$.messages[2]");
    }
}
