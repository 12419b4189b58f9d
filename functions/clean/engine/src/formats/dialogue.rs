//! Builds an example from messages, one at a time.

use std::borrow::Cow;

use super::content::{FunctionAnswer, FunctionCall, Piece};
use crate::{
    example::{Example, Part, Parts, Role, Turn},
    json::{Node, Object, Text, Value},
    location::Location,
    rule::Fault,
    rules,
};

/// The key of Gemini's part that calls a function.
pub(super) const CALL: &str = "functionCall";

/// The key of Gemini's part that holds the response of a function.
pub(super) const RESPONSE: &str = "functionResponse";

/// A conversation being built.
#[derive(Default)]
pub(super) struct Dialogue<'a> {
    example: Example<'a>,
    /// Calls that have no answer yet, in order.
    open: Vec<(Option<Text<'a>>, Text<'a>)>,
    /// Turns that say that they are not to be trained on: their number, and where they are.
    untrained: Vec<(usize, Location)>,
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
            // Some exports write it beside the messages and as the first of them.
            Some(earlier) if earlier == text => text,
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

    /// Forgets calls without an answer, after a turn of the user: what is answered later answers
    /// later calls.
    pub(super) fn close_calls(&mut self) {
        self.open.clear();
    }

    /// Adds function calls by the model; consecutive calls are one turn.
    pub(super) fn call(&mut self, parts: Parts<'a>, location: Location) {
        self.join(Role::Model, CALL, parts, location);
    }

    /// Adds responses of functions; consecutive responses are one turn.
    pub(super) fn respond(&mut self, parts: Parts<'a>, location: Location) {
        self.join(Role::User, RESPONSE, parts, location);
    }

    /// Marks the last turn as one that must not be trained on.
    pub(super) fn leave_out_of_training(&mut self, location: Location) {
        let last = self.example.turns.len().saturating_sub(1);
        self.untrained.push((last, location));
    }

    /// The part that a piece of a message becomes.
    pub(super) fn part(
        &mut self,
        piece: Piece<'a>,
        location: Location,
        faults: &mut Vec<Fault>,
    ) -> Part<'a> {
        match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::File(part) => part,
            Piece::Call(call) => self.call_part(call),
            Piece::Answer(answer) => self.answer_part(answer, location, faults),
        }
    }

    /// The part that calls a function; remembers it, so that its answer can be matched to it.
    pub(super) fn call_part(&mut self, called: FunctionCall<'a>) -> Part<'a> {
        self.open.push((called.id, called.name.clone()));
        call(called.name, called.arguments)
    }

    /// The part that holds an answer, under the name of the call that it belongs to: by its id, or
    /// else the first without an answer that has its name.
    pub(super) fn answer_part(
        &mut self,
        given: FunctionAnswer<'a>,
        location: Location,
        faults: &mut Vec<Fault>,
    ) -> Part<'a> {
        let FunctionAnswer { id, name, value } = given;
        let has_ids = self.open.iter().any(|(id, _)| id.is_some());
        let by_id = id.filter(|_| has_ids);
        let named = |call: &Text<'a>| name.as_ref().is_none_or(|name| name == call);
        let found = match &by_id {
            Some(id) => self
                .open
                .iter()
                .position(|(call, _)| call.as_ref() == Some(id)),
            None => self.open.iter().position(|(_, call)| named(call)),
        };
        if found.is_none() && by_id.is_some() {
            let fault = Fault::new(&rules::unpaired_call::RULE);
            let fault = fault.at(location.at).path(location);
            faults.push(fault.with_message(
                "the answer of a function has the id of none of the calls before it",
            ));
        }
        // A wrong id was reported: the next call is the best guess.
        let found = found.or_else(|| (by_id.is_some() && !self.open.is_empty()).then_some(0));
        let called = found.map(|index| self.open.remove(index).1);
        let name = called.or(name).unwrap_or(Text::of("function"));
        response(name, value)
    }

    /// The example, with the `tools` that can be called, if any.
    ///
    /// The service trains on every answer, so a conversation ends before the first answer that must not
    /// be trained on. Reports `message_weight` where no answer is left then.
    pub(super) fn finish(
        mut self,
        tools: Option<Value<'a>>,
        faults: &mut Vec<Fault>,
    ) -> Example<'a> {
        self.example
            .extras
            .extend(tools.map(|tools| ("tools", tools)));
        let Some((untrained, location)) = self.untrained.first().copied() else {
            return self.example;
        };
        let mut before = self.example.turns.iter().take(untrained);
        match before.rposition(|turn| turn.role == Role::Model) {
            Some(last) => {
                self.example.turns.truncate(last + 1);
                let fault = Fault::new(&rules::content_block::RULE);
                let fault = fault.at(location.at).path(location);
                faults.push(fault.with_message(
                    "the conversation ends before the first answer that must not be trained on, as its \
                     weight says",
                ));
            }
            None => {
                let fault = Fault::new(&rules::message_weight::RULE);
                faults.push(fault.at(location.at).path(location));
            }
        }
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
fn call<'a>(name: Text<'a>, arguments: Object<'a>) -> Part<'a> {
    let members = vec![
        (Cow::Borrowed("name"), Node::unplaced(Value::Text(name))),
        (
            Cow::Borrowed("args"),
            Node::unplaced(Value::Object(arguments)),
        ),
    ];
    Part::other(CALL, Value::Object(Object { members }))
}

/// `{"name": …, "response": {…}}`, as a part.
fn response<'a>(name: Text<'a>, output: Value<'a>) -> Part<'a> {
    let output = Value::Object(answer(output));
    let members = vec![
        (Cow::Borrowed("name"), Node::unplaced(Value::Text(name))),
        (Cow::Borrowed("response"), Node::unplaced(output)),
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
        members: vec![(Cow::Borrowed("output"), Node::unplaced(value))],
    }
}
