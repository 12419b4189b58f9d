//! A row in Gemini's terms, whatever format it was written in.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::{
    json::{Node, Object, Text, Value},
    location::Location,
};

/// A conversation to train on; texts borrow from the row where they can.
#[derive(Debug, Default)]
pub(crate) struct Example<'a> {
    /// The system instruction.
    pub(crate) system: Option<Text<'a>>,
    /// The turns, in order.
    pub(crate) turns: Vec<Turn<'a>>,
    /// Members that are written after the turns unchanged: tools and the like.
    pub(crate) extras: Vec<(&'static str, Value<'a>)>,
}

/// Who speaks. Gemini knows only these two; the response of a function comes from the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one who asks.
    User,
    /// The one who is trained.
    Model,
}

impl Role {
    /// The name in Gemini's JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Model => "model",
        }
    }
}

/// What one role says before the other answers.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// Who speaks.
    pub(crate) role: Role,
    /// What is said.
    pub(crate) parts: Parts<'a>,
    /// Where it is in the row.
    pub(crate) location: Location,
}

/// The parts of a turn: nearly always one.
pub(crate) type Parts<'a> = SmallVec<[Part<'a>; 1]>;

/// A part of a turn.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    /// Text.
    Text(Text<'a>),
    /// Anything else, by Gemini's key for it: `functionCall`, `fileData`, …; with all members of
    /// the part.
    Other(&'static str, Object<'a>),
}

impl<'a> Part<'a> {
    /// A part that has only `value`, under `key`.
    pub(crate) fn other(key: &'static str, value: Value<'a>) -> Self {
        let members = vec![(Cow::Borrowed(key), Node { at: 0, value })];
        Self::Other(key, Object { members })
    }
}

impl<'a> Turn<'a> {
    /// A turn of one text.
    pub(crate) fn text(role: Role, text: Text<'a>, location: Location) -> Self {
        Self {
            role,
            parts: smallvec![Part::Text(text)],
            location,
        }
    }

    /// The texts among the parts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text<'a>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Other(..) => None,
        })
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(text) => text.is_empty(),
            Part::Other(..) => false,
        })
    }

    /// Whether every part has the key `key`.
    pub(crate) fn is_all(&self, key: &str) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(_) => false,
            Part::Other(kind, _) => *kind == key,
        })
    }

    /// Removes whitespace around the turn, and parts of only whitespace where there are others.
    fn trim(&mut self) -> bool {
        let parts = self.parts.len();
        if parts > 1 {
            let all_blank = self.texts().count() == parts && self.texts().all(Text::is_blank);
            let mut keep_one = all_blank;
            self.parts.retain(|part| match part {
                Part::Text(text) => !text.is_blank() || std::mem::take(&mut keep_one),
                Part::Other(..) => true,
            });
        }
        let mut changed = self.parts.len() != parts;
        if let Some(Part::Text(first)) = self.parts.first_mut() {
            changed |= first.trim_start_lines();
        }
        if let Some(Part::Text(last)) = self.parts.last_mut() {
            changed |= last.trim_end();
        }
        changed
    }
}

impl<'a> Example<'a> {
    /// Every text and its location; the system instruction has none.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Option<Location>, &Text<'a>)> {
        let system = self.system.iter().map(|text| (None, text));
        let turns = self.turns.iter();
        let said = turns.flat_map(|turn| turn.texts().map(|text| (Some(turn.location), text)));
        system.chain(said)
    }

    /// Whether there are files, calls of functions or the like.
    pub(crate) fn has_parts_other_than_texts(&self) -> bool {
        let mut parts = self.turns.iter().flat_map(|turn| &turn.parts);
        parts.any(|part| matches!(part, Part::Other(..)))
    }

    /// Removes whitespace around every turn; returns whether there was any.
    pub(crate) fn trim(&mut self) -> bool {
        let mut changed = false;
        for turn in &mut self.turns {
            changed |= turn.trim();
        }
        if let Some(system) = &mut self.system {
            changed |= system.trim_start() | system.trim_end();
            if system.is_empty() {
                self.system = None;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCATION: Location = Location::of("output", 0);

    #[track_caller]
    fn check(parts: &[&str], expected: &[&str]) {
        let mut turn = Turn {
            role: Role::User,
            parts: parts
                .iter()
                .map(|text| Part::Text(Text::of(text)))
                .collect(),
            location: LOCATION,
        };
        let changed = turn.trim();
        let texts: Vec<_> = turn.texts().map(Text::plain).collect();
        assert_eq!(texts, expected, "{parts:?}");
        assert_eq!(changed, parts != expected, "{parts:?}");
        let before: Vec<_> = turn.texts().cloned().collect();
        assert!(!turn.trim(), "{before:?} is trimmed twice");
    }

    #[test]
    fn a_turn_loses_the_blanks_around_it_only() {
        check(&["a"], &["a"]);
        check(&["\u{feff} a b \n\u{1f}"], &["a b"]);
        check(&["  "], &[""]);
        check(&[" a ", " b "], &["a ", " b"]);
        check(&["", " a"], &["a"]);
        check(&[" ", "\t"], &[""]);
        check(&["a ", "  "], &["a"]);
    }
}
