//! The keys by which formats are recognised, as a set: a row's keys are read once, however many
//! formats there are.

use std::ops::BitOr;

use crate::json::{Object, Value};

/// A set of keys by which formats are recognised, one bit for each: 32 at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Keys(u32);

macro_rules! keys {
    ($($constant:ident $bit:literal $name:literal)*) => {
        impl Keys {
            $(
                #[doc = concat!("`", $name, "`.")]
                pub(crate) const $constant: Self = Self(1 << $bit);
            )*

            /// Every key and its name.
            const ALL: &[(Self, &'static str)] = &[$((Self::$constant, $name)),*];

            /// The key called `name`; empty if no format uses it.
            pub(crate) fn named(name: &str) -> Self {
                match name {
                    $($name => Self::$constant,)*
                    _ => Self::default(),
                }
            }
        }
    };
}

keys! {
    ACCEPTED 0 "accepted"
    ANSWER 1 "answer"
    CATEGORY 2 "category"
    CHOSEN 3 "chosen"
    COMPLETION 4 "completion"
    COMPLETIONS 5 "completions"
    CONTENTS 6 "contents"
    CONVERSATIONS 7 "conversations"
    INPUT 8 "input"
    INSTRUCTION 9 "instruction"
    LABEL 10 "label"
    MESSAGES 11 "messages"
    NON_PREFERRED_OUTPUT 12 "non_preferred_output"
    OUTPUT 13 "output"
    PREFERRED_OUTPUT 14 "preferred_output"
    PROMPT 15 "prompt"
    QUESTION 16 "question"
    REJECTED 17 "rejected"
    RESPONSE 18 "response"
    RESPONSE_A 19 "response_a"
    RESPONSE_B 20 "response_b"
    TEXT 21 "text"
    WINNER 22 "winner"
}

impl Keys {
    /// No key.
    pub(crate) const NONE: Self = Self(0);

    /// Whether one of them is called `name`.
    pub(crate) fn has_named(self, name: &str) -> bool {
        self.has_any(Self::named(name))
    }

    /// The keys that `row` has.
    pub(crate) fn of(row: &Object<'_>) -> Self {
        let named = row.keys().map(Self::named);
        named.fold(Self::NONE, BitOr::bitor)
    }

    /// The keys that `row` has with a value other than `null`.
    pub(crate) fn given(row: &Object<'_>) -> Self {
        Self::of_members(row, |value| *value != Value::Null)
    }

    /// The keys that `row` has with a non-empty value: whitespace counts as empty, like an empty
    /// cell of a table.
    pub(crate) fn filled(row: &Object<'_>) -> Self {
        Self::of_members(row, |value| match value {
            Value::Null => false,
            Value::Text(text) => !text.is_blank(),
            Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => true,
        })
    }

    fn of_members(row: &Object<'_>, counts: impl Fn(&Value<'_>) -> bool) -> Self {
        let members = row.members.iter().filter(|(_, node)| counts(&node.value));
        members.fold(Self::NONE, |keys, (name, _)| keys | Self::named(name))
    }

    /// These keys and `other`.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `others` are among these.
    pub(crate) const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is among these.
    pub(crate) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// How many of `others` are among these.
    pub(crate) const fn count(self, others: Self) -> u32 {
        (self.0 & others.0).count_ones()
    }

    /// The names of these keys that are not among `others`.
    pub(crate) fn names_beyond(self, others: Self) -> impl Iterator<Item = &'static str> {
        let beyond = Self(self.0 & !others.0);
        let of_these = Self::ALL.iter().filter(move |(key, _)| beyond.has(*key));
        of_these.map(|(_, name)| *name)
    }
}

impl BitOr for Keys {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_bit_of_its_own() {
        let mut all = Keys::NONE;
        for (key, name) in Keys::ALL {
            assert_eq!(Keys::named(name), *key);
            assert!(!all.has_any(*key), "{name}");
            all = all | *key;
        }
        assert_eq!(Keys::named("id"), Keys::NONE);
    }
}
