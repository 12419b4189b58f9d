//! Builds an example from messages, one at a time.

use std::borrow::Cow;

use smallvec::smallvec;

use crate::{
    example::{Example, Part, Parts, Role, Turn},
    json::{Node, Object, Text, Value},
    location::Location,
    rule::Fault,
    rules,
};

/// The key of Gemini's part that calls a function.
const CALL: &str = "functionCall";

/// The key of Gemini's part that holds the response of a function.
const RESPONSE: &str = "functionResponse";

/// A conversation being built.
#[derive(Default)]
pub(super) struct Dialogue<'a> {
    example: Example<'a>,
    calls: Vec<(Option<Text<'a>>, Text<'a>)>,
}

impl<'a> Dialogue<'a> {
    /// Adds a system message; those at the start are joined.
    ///
    /// # Errors
    /// `wrong_turn_order` if the conversation has already begun.
    pub(super) fn system(&mut self, text: Text<'a>, location: Location) -> Result<(), Fault> {
        if !self.example.turns.is_empty() {
            return Err(Fault::new(&rules::wrong_turn_order::RULE)
                .at(location.at)
                .path(location)
                .with_message("expected system messages only at the start"));
        }
        self.example.system = Some(match self.example.system.take() {
            Some(earlier) if !earlier.is_empty() => Text::join(&[earlier, text], "\n\n"),
            Some(_) | None => text,
        });
        Ok(())
    }

    /// Adds a turn.
    pub(super) fn say(&mut self, role: Role, parts: Parts<'a>, location: Location) {
        self.example.turns.push(Turn {
            role,
            parts,
            location,
        });
    }

    /// Adds function calls by the model; consecutive calls are one turn.
    pub(super) fn call(&mut self, parts: Parts<'a>, location: Location) {
        self.join(Role::Model, CALL, parts, location);
    }

    /// Remembers that the function `name` was called, so that its response can be matched to it.
    pub(super) fn remember(&mut self, id: Option<Text<'a>>, name: Text<'a>) {
        self.calls.push((id, name));
    }

    /// Adds the response of a function; consecutive responses are one turn.
    pub(super) fn respond(
        &mut self,
        name: Option<Text<'a>>,
        id: Option<&Text<'a>>,
        answer: Text<'a>,
        location: Location,
    ) {
        let called = |(call, name): &(Option<Text<'a>>, Text<'a>)| match (call, id) {
            (Some(call), Some(id)) => (call == id).then(|| name.clone()),
            (None, _) | (_, None) => Some(name.clone()),
        };
        let name = name
            .or_else(|| self.calls.iter().rev().find_map(called))
            .unwrap_or(Text::of("function"));
        let part = response(name, answer);
        self.join(Role::User, RESPONSE, smallvec![part], location);
    }

    /// The example, with the `tools` that can be called, if any.
    pub(super) fn finish(mut self, tools: Option<Value<'a>>) -> Example<'a> {
        self.example
            .extras
            .extend(tools.map(|tools| ("tools", tools)));
        self.example
    }

    fn join(&mut self, role: Role, kind: &str, mut parts: Parts<'a>, location: Location) {
        match self.example.turns.last_mut() {
            Some(last) if last.role == role && last.is_all(kind) => last.parts.append(&mut parts),
            Some(_) | None => self.say(role, parts, location),
        }
    }
}

/// `{"name": …, "args": {…}}`, as a part.
pub(super) fn call<'a>(name: Text<'a>, arguments: Object<'a>) -> Part<'a> {
    let members = vec![
        (Cow::Borrowed("name"), node(Value::Text(name))),
        (Cow::Borrowed("args"), node(Value::Object(arguments))),
    ];
    Part::other(CALL, Value::Object(Object { members }))
}

/// `{"name": …, "response": {…}}`, as a part.
fn response<'a>(name: Text<'a>, output: Text<'a>) -> Part<'a> {
    let output = Value::Object(answer(Value::Text(output)));
    let members = vec![
        (Cow::Borrowed("name"), node(Value::Text(name))),
        (Cow::Borrowed("response"), node(output)),
    ];
    Part::other(RESPONSE, Value::Object(Object { members }))
}

/// The response of a function as an object. A value that is not an object, nor a string that
/// contains one, goes under `output`, the key that Gemini's reference names for it
/// (`FunctionResponse.response`).
pub(super) fn answer(value: Value<'_>) -> Object<'_> {
    match value {
        Value::Object(object) => object,
        Value::Null => Object::default(),
        Value::Text(text) => {
            match crate::json::parse(&text.plain()).map(|parsed| parsed.node.value.into_owned()) {
                Ok(Value::Object(object)) => object,
                Ok(list @ Value::List(_)) => under_output(list),
                Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_)) | Err(_) => {
                    under_output(Value::Text(text))
                }
            }
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::List(_)) => under_output(other),
    }
}

fn under_output(value: Value<'_>) -> Object<'_> {
    Object {
        members: vec![(Cow::Borrowed("output"), node(value))],
    }
}

/// A value that has no position in the row.
pub(super) fn node(value: Value<'_>) -> Node<'_> {
    Node { at: 0, value }
}
