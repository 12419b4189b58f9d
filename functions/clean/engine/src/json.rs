//! JSON as rows are read: borrowed from the line, with the position of every value.
//!
//! Why not `serde_json`: whether a row is kept depends on details that it does not report. It drops
//! repeated keys silently (or rejects them, when derived), accepts invalid UTF-8 in skipped values,
//! rounds long numbers, and reports neither the path of a fault nor an unpaired surrogate. Input
//! that both accept is read identically; a property test holds that.

mod parse;
mod scan;
mod syntax_error;
mod text;
mod write;

use std::borrow::Cow;

pub(crate) use self::{
    parse::parse,
    syntax_error::{SyntaxError, SyntaxErrorKind},
    text::{Text, blank},
    write::{write, write_key, write_text},
};

/// Deepest nesting of a row. Chat rows with tool schemas reach about 12; a million brackets must
/// not overflow the stack.
pub(crate) const DEPTH_MAX: usize = 64;

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node<'a> {
    /// Byte offset within the row.
    pub(crate) at: u32,
    /// The value.
    pub(crate) value: Value<'a>,
}

/// A JSON value; borrows from the row if possible.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, digit for digit as written.
    Number(Cow<'a, str>),
    /// A string.
    Text(Text<'a>),
    /// An array.
    List(Vec<Node<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The members of an object, in the order they were written; no key twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object<'a> {
    /// Key and value of each member.
    pub(crate) members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Object<'a> {
    /// Whether a member is called `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The member called `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        let (_, node) = self.members.iter().find(|(name, _)| name == key)?;
        Some(node)
    }

    /// The member called `key`, mutably.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node<'a>> {
        let (_, node) = self.members.iter_mut().find(|(name, _)| name == key)?;
        Some(node)
    }

    /// Removes and returns the member called `key`.
    pub(crate) fn take(&mut self, key: &str) -> Option<Node<'a>> {
        let index = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.remove(index).1)
    }

    /// Removes and returns the members called by `keys`, in a single pass.
    pub(crate) fn take_all<const N: usize>(self, keys: [&str; N]) -> [Option<Node<'a>>; N] {
        let mut taken = [const { None }; N];
        for (name, node) in self.members {
            let named = keys.iter().zip(&mut taken).find(|(key, _)| **key == name);
            if let Some((_, place)) = named {
                *place = Some(node);
            }
        }
        taken
    }

    /// Removes and returns the first member called by one of `keys`.
    pub(crate) fn take_any(&mut self, keys: &[&str]) -> Option<Node<'a>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// The names of the members.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.as_ref())
    }
}

impl<'a> Value<'a> {
    /// The member called `key`, if this is an object that has it.
    pub(crate) fn member(&self, key: &str) -> Option<&Self> {
        let Self::Object(object) = self else {
            return None;
        };
        object.get(key).map(|node| &node.value)
    }

    /// The elements, if this is an array.
    pub(crate) fn elements(&self) -> &[Node<'a>] {
        let Self::List(nodes) = self else {
            return &[];
        };
        nodes
    }

    /// The text, if this is a string.
    pub(crate) fn text(&self) -> Option<&Text<'a>> {
        let Self::Text(text) = self else {
            return None;
        };
        Some(text)
    }
}

impl Value<'_> {
    /// Sets the position of everything inside to `at`: for JSON that was decoded from a string,
    /// whose offsets are not offsets in the row.
    pub(crate) fn move_to(&mut self, at: u32) {
        let nodes: &mut dyn Iterator<Item = &mut Node<'_>> = match self {
            Self::List(nodes) => &mut nodes.iter_mut(),
            Self::Object(object) => &mut object.members.iter_mut().map(|(_, node)| node),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => return,
        };
        for node in nodes {
            node.at = at;
            node.value.move_to(at);
        }
    }

    /// The type of this value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// A copy that borrows nothing: for JSON that was decoded from a string.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Number(digits) => Value::Number(Cow::Owned(digits.into_owned())),
            Self::Text(text) => Value::Text(text.into_owned()),
            Self::List(nodes) => Value::List(nodes.into_iter().map(Node::into_owned).collect()),
            Self::Object(object) => Value::Object(Object {
                members: object
                    .members
                    .into_iter()
                    .map(|(key, node)| (Cow::Owned(key.into_owned()), node.into_owned()))
                    .collect(),
            }),
        }
    }
}

impl<'a> Node<'a> {
    /// A value that has no position in the row.
    pub(crate) fn unplaced(value: Value<'a>) -> Self {
        Self { at: 0, value }
    }
}

impl Node<'_> {
    fn into_owned(self) -> Node<'static> {
        Node {
            at: self.at,
            value: self.value.into_owned(),
        }
    }
}
