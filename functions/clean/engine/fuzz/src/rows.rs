//! Rows in every format, with arbitrary texts.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use serde_json::{Value, json};

/// A row, in some format.
#[derive(Debug, Arbitrary)]
pub enum Row<'a> {
    /// A question and its answer, under keys chosen by the number.
    Pair(u8, Text<'a>, Text<'a>),
    /// A numbered question and a numbered answer: makes duplicates and contradictions.
    Numbers(u8, u8),
    /// An instruction.
    Instruction(Text<'a>, Option<Text<'a>>, Text<'a>, Vec<[Text<'a>; 2]>),
    /// A chat.
    Messages(Vec<(u8, Text<'a>)>, bool),
    /// A chat in ShareGPT's format.
    Conversations(Vec<(u8, Text<'a>)>),
    /// A row in Gemini's format.
    Contents(Option<Text<'a>>, Vec<(bool, Vec<Text<'a>>)>),
    /// Something else.
    Other(&'a str),
    /// A copy of the previous row.
    Again,
}

/// A text: arbitrary, or with enough words for a row to be kept.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Text<'a> {
    /// Arbitrary characters.
    Any(&'a str),
    /// Consecutively numbered words.
    Words(u8),
    /// Something that a scan or a rule finds.
    Found(u8),
}

/// Texts that scans and rules find.
const FOUND: [&str; 12] = [
    "mail jo@example.org or call (415) 555-2671",
    "4111 1111 1111 1111",
    "AKIAA1B2C3D4E5F6G7H8",
    "DE89 3704 0044 0532 0130 00",
    "-----BEGIN PRIVATE KEY-----",
    "192.168.17.4",
    "As an AI language model, I cannot",
    "cafÃ© {{name}} <YOUR_NAME>",
    "\u{feff} \u{3000}",
    "loop loop loop loop loop loop loop loop loop loop loop loop",
    "{\"name\":\"f\",\"arguments\":{\"x\":1.50}}",
    "Ist das hier der Fall, oder sind es nur die Worte, die ich meine?",
];

const ASKED: [&str; 3] = ["input", "prompt", "question"];
const ANSWERED: [&str; 6] = [
    "output",
    "completion",
    "answer",
    "response",
    "label",
    "category",
];
const ROLES: [&str; 6] = ["system", "user", "assistant", "tool", "developer", "model"];
const SPEAKERS: [&str; 6] = [
    "system",
    "human",
    "gpt",
    "function_call",
    "observation",
    "tool",
];

impl Text<'_> {
    fn plain(self) -> String {
        match self {
            Self::Any(text) => text.to_owned(),
            Self::Words(from) => (0..20)
                .map(|n| format!("word{} ", n + u32::from(from)))
                .collect(),
            Self::Found(which) => FOUND[usize::from(which) % FOUND.len()].to_owned(),
        }
    }
}

impl Row<'_> {
    fn json(&self) -> Option<Value> {
        let pick =
            |names: &'static [&'static str], which: u8| names[usize::from(which) % names.len()];
        let parts = |texts: &[Text<'_>]| {
            texts
                .iter()
                .map(|text| json!({"text": text.plain()}))
                .collect::<Vec<_>>()
        };
        Some(match self {
            Self::Pair(names, asked, answered) => {
                let (a, b) = (pick(&ASKED, *names), pick(&ANSWERED, *names / 3));
                json!({a: asked.plain(), b: answered.plain()})
            }
            Self::Numbers(asked, answered) => {
                json!({"input": format!("question {asked}"), "output": format!("this is answer {}", answered % 4)})
            }
            Self::Instruction(asked, context, answered, history) => {
                let history: Vec<_> = history.iter().map(|pair| pair.map(Text::plain)).collect();
                let context = context.map(Text::plain);
                json!({"instruction": asked.plain(), "input": context, "output": answered.plain(), "history": history})
            }
            Self::Messages(turns, listed) => {
                let message = |(role, text): &(u8, Text<'_>)| {
                    let text = text.plain();
                    let content = if *listed {
                        json!([{"type": "text", "text": text}])
                    } else {
                        json!(text)
                    };
                    json!({"role": pick(&ROLES, *role), "content": content})
                };
                json!({"messages": turns.iter().map(message).collect::<Vec<_>>()})
            }
            Self::Conversations(turns) => {
                let message = |(role, text): &(u8, Text<'_>)| json!({"from": pick(&SPEAKERS, *role), "value": text.plain()});
                json!({"conversations": turns.iter().map(message).collect::<Vec<_>>()})
            }
            Self::Contents(system, turns) => {
                let turn = |(asks, texts): &(bool, Vec<Text<'_>>)| json!({"role": if *asks { "user" } else { "model" }, "parts": parts(texts)});
                let contents: Vec<_> = turns.iter().map(turn).collect();
                json!({"contents": contents, "systemInstruction": system.map(|text| json!({"parts": parts(&[text])}))})
            }
            Self::Other(_) | Self::Again => return None,
        })
    }
}

/// The rows, one per line.
pub fn dataset(rows: &[Row<'_>]) -> Vec<u8> {
    let mut lines: Vec<String> = Vec::new();
    for row in rows {
        lines.push(match row {
            Row::Other(text) => (*text).to_owned(),
            Row::Again => lines.last().cloned().unwrap_or_default(),
            row => row.json().map(|row| row.to_string()).unwrap_or_default(),
        });
    }
    lines.join("\n").into_bytes()
}
