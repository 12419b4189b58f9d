//! Writes an example in the format of the tuning service: `GenerateContentRequest` in camel case.
//!
//! Source: the dataset format of supervised tuning for Gemini
//! (docs.cloud.google.com, "Prepare supervised fine-tuning data for Gemini models").

use std::ops::Range;

use crate::{
    example::{Example, Part, Role, Turn},
    json::{self, Text},
    template::Template,
    tokens::estimate,
};

/// The prompt that a recipe puts around an example.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Prompt<'f> {
    /// The system instruction of examples that have none.
    pub(crate) system: Option<&'f Text<'f>>,
    /// The template around the question, for examples of one question and one answer.
    pub(crate) template: Option<&'f Template>,
}

/// Where things are in a written example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordShape {
    /// The bytes of the last turn, the answer to train on. Everything else is the question.
    pub(crate) answer: Range<usize>,
    /// Estimated tokens of everything but the model's turns.
    pub(crate) tokens_input: u32,
    /// Estimated tokens of the model's turns.
    pub(crate) tokens_output: u32,
    /// Estimated tokens where each model turn is billed with all that precedes it: the worst case.
    pub(crate) tokens_per_turn: u32,
}

impl RecordShape {
    /// The same shape, relative to a record that starts at `start`.
    pub(crate) fn from(self, start: usize) -> Self {
        Self {
            answer: self.answer.start - start..self.answer.end - start,
            ..self
        }
    }
}

/// Appends `example` to `out`, in `prompt`. Equal examples in equal prompts give equal bytes.
pub(crate) fn write(example: &Example<'_>, prompt: Prompt<'_>, out: &mut Vec<u8>) -> RecordShape {
    let template = prompt.template.filter(|_| Template::fits(example));
    let mut shape = RecordShape {
        // For an example without turns, which a rule rejects.
        answer: out.len()..out.len(),
        tokens_input: 0,
        tokens_output: 0,
        tokens_per_turn: 0,
    };
    let mut model_turns = 0_u32;
    out.push(b'{');
    if let Some(text) = example.system.as_ref().or(prompt.system) {
        out.extend_from_slice(br#""systemInstruction":{"role":"system","parts":[{"text":"#);
        json::write_text(text, out);
        out.extend_from_slice(b"}]},");
        shape.tokens_input += estimate(text.escaped().as_bytes());
    }
    out.extend_from_slice(br#""contents":["#);
    for (index, turn) in example.turns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let start = out.len();
        let tokens = write_turn(turn, template.filter(|_| index == 0), out);
        shape.answer = start..out.len();
        match turn.role {
            Role::User => shape.tokens_input += tokens,
            Role::Model => {
                shape.tokens_output += tokens;
                model_turns += 1;
                let so_far = shape.tokens_input.saturating_add(shape.tokens_output);
                shape.tokens_per_turn = shape.tokens_per_turn.saturating_add(so_far);
            }
        }
    }
    out.push(b']');
    for (key, value) in &example.extras {
        out.push(b',');
        let tokens = write_member(key, value, out);
        shape.tokens_input += tokens;
        // Tools stand after the turns, and precede each of them.
        let repeated = tokens.saturating_mul(model_turns);
        shape.tokens_per_turn = shape.tokens_per_turn.saturating_add(repeated);
    }
    out.push(b'}');
    shape
}

fn write_turn(turn: &Turn<'_>, template: Option<&Template>, out: &mut Vec<u8>) -> u32 {
    let mut tokens = 0;
    let last = turn.parts.len().saturating_sub(1);
    // In few pieces: they make up most of the work for short rows.
    out.extend_from_slice(match turn.role {
        Role::User => br#"{"role":"user","parts":["#,
        Role::Model => br#"{"role":"model","parts":["#,
    });
    for (index, part) in turn.parts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match part {
            Part::Text(text) => {
                out.extend_from_slice(br#"{"text":"#);
                let around = template.map(|template| {
                    let before = (index == 0).then_some(&template.before);
                    (before, (index == last).then_some(&template.after))
                });
                let (before, after) = around.unwrap_or_default();
                tokens += write_text(before, text, after, out);
            }
            Part::Other(_, part) => {
                let mut before = b'{';
                for (key, node) in &part.members {
                    out.push(std::mem::replace(&mut before, b','));
                    tokens += write_member(key, &node.value, out);
                }
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    tokens
}

/// Writes a text between two others; returns the estimated tokens of all.
fn write_text(
    before: Option<&Text<'_>>,
    text: &Text<'_>,
    after: Option<&Text<'_>>,
    out: &mut Vec<u8>,
) -> u32 {
    if before.is_none() && after.is_none() {
        json::write_text(text, out);
        return estimate(text.escaped().as_bytes());
    }
    out.push(b'"');
    let start = out.len();
    for piece in [before, Some(text), after].into_iter().flatten() {
        out.extend_from_slice(piece.escaped().as_bytes());
    }
    let tokens = estimate(out.get(start..).unwrap_or_default());
    out.push(b'"');
    tokens
}

/// Writes a member; returns the estimated tokens of the value's JSON.
fn write_member(key: &str, value: &json::Value<'_>, out: &mut Vec<u8>) -> u32 {
    json::write_key(key, out);
    out.push(b':');
    let start = out.len();
    json::write(value, out);
    estimate(out.get(start..).unwrap_or_default())
}
