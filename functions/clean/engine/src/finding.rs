//! What a rule found, and where.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Rule, Severity, container::Head, detect, example::Place};

/// Longest key name quoted in a message, in characters: a key is the only text of a dataset that a
/// report shows, and a broken row can have half an answer as its key.
const KEY_CHARS_MAX: usize = 32;

/// Most key names quoted in a message; the rest are counted.
const KEYS_MAX: usize = 3;

/// Digits from which on a key may be somebody's number, whatever it looks like.
const KEY_DIGITS_MIN: usize = 6;

/// One thing a rule found. Never holds text of a row, but for the names of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's stable name.
    pub code: Cow<'static, str>,
    /// What was done about it.
    pub severity: Severity,
    /// Line of the file on which the row starts, from 1; 0 where the finding is about the whole
    /// file.
    pub line: u64,
    /// Character within that line, from 1, where it is known and the row has not gone on to another.
    pub column: Option<u64>,
    /// JSON path within the row, where it is known.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: Cow<'static, str>,
}

/// A finding about a row that does not know yet where in the file the row is.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The rule that is broken.
    pub(crate) rule: &'static Rule,
    /// Byte offset within the row.
    pub(crate) at: Option<u32>,
    /// JSON path within the row.
    pub(crate) path: Option<String>,
    /// What is wrong, beyond the rule's own words.
    pub(crate) message: String,
}

impl Fault {
    /// A fault whose rule says it all.
    pub(crate) fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            at: None,
            path: None,
            message: String::new(),
        }
    }

    /// Says more than the rule does.
    pub(crate) fn saying(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// Says at which byte of the row.
    pub(crate) fn at(self, at: u32) -> Self {
        Self {
            at: Some(at),
            ..self
        }
    }

    /// Says within which member or element of the row, where that is known.
    pub(crate) fn within(self, place: Option<Place>) -> Self {
        match place {
            Some(place) => self.at(place.at).path(place),
            None => self,
        }
    }

    /// Says at which JSON path of the row.
    pub(crate) fn path(self, path: Place) -> Self {
        Self {
            path: Some(path.to_string()),
            ..self
        }
    }

    /// Places the fault in the file, given the row's head and bytes.
    pub(crate) fn place(self, severity: Severity, head: Head, bytes: &[u8]) -> Finding {
        // A row of an array may go on for many lines: it is known by its first, and its path leads on.
        let place = self.at.map(|at| head.place(bytes, at));
        let column = place.filter(|(line, _)| *line == head.line);
        Finding {
            code: Cow::Borrowed(self.rule.code),
            severity,
            line: head.line,
            column: column.map(|(_, column)| column),
            path: self.path,
            message: if self.message.is_empty() {
                self.rule.doc.to_owned()
            } else {
                self.message
            },
            fix: Cow::Borrowed(self.rule.fix),
        }
    }
}

/// Names keys for a message: the first few, shortened, and how many more.
pub(crate) fn name_keys<'k>(keys: impl Iterator<Item = &'k str>) -> String {
    let mut named = String::new();
    let mut more = 0_usize;
    for (index, key) in keys.enumerate() {
        if index >= KEYS_MAX {
            more += 1;
            continue;
        }
        if index > 0 {
            named.push_str(", ");
        }
        named.extend(["`", &shown(key), "`"]);
    }
    if more > 0 {
        named.extend([" and ", more.to_string().as_str(), " more"]);
    }
    named
}

/// A key as a message shows it: cut, on one line, and without what belongs to somebody, whether a
/// recipe has texts searched or not.
fn shown(key: &str) -> String {
    let key = detect::masked(key);
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if key.contains('@') || digits >= KEY_DIGITS_MIN {
        return "…".to_owned();
    }
    let more = key.chars().nth(KEY_CHARS_MAX).map(|_| '…');
    let chars = key.chars().take(KEY_CHARS_MAX);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    chars.map(plain).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_up_to_three_and_cut() {
        assert_eq!(name_keys(["a", "b"].into_iter()), "`a`, `b`");
        assert_eq!(
            name_keys(["a", "b", "c", "d"].into_iter()),
            "`a`, `b`, `c` and 1 more"
        );
        let long = "k".repeat(40);
        assert_eq!(
            name_keys([long.as_str()].into_iter()),
            format!("`{}…`", "k".repeat(32))
        );
        assert_eq!(name_keys(["a\nb"].into_iter()), "`a b`");
    }

    #[test]
    fn keys_show_nothing_that_belongs_to_somebody() {
        for (key, expected) in [
            ("anna@acme.io", "`[EMAIL]`"),
            ("mail of anna@acme.io", "`mail of [EMAIL]`"),
            ("+49 30 901820", "`[PHONE]`"),
            ("4111111111111111", "`[CARD]`"),
            ("AKIAA1B2C3D4E5F6G7H8", "`[CLOUD_KEY]`"),
            ("anna@home", "`…`"),
            ("account 123456", "`…`"),
            ("line 12345", "`line 12345`"),
        ] {
            assert_eq!(name_keys([key].into_iter()), expected);
        }
        let far = format!("{} anna@acme.io", "k".repeat(25));
        assert!(!name_keys([far.as_str()].into_iter()).contains("anna"));
    }
}
