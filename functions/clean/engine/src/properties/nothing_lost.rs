//! Every text of a row is in the output, or named in the report.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::whole;
use crate::{
    outputs::OutputFile,
    pass::tests::clean,
    report::{ColumnUse, Report},
};

/// A text that occurs once.
fn leaf(number: usize) -> String {
    format!("leaf{number} is said here")
}

/// A row of each format, of leaves from 0.
fn conversation(format: usize) -> Vec<(&'static str, Value)> {
    let text = |number: usize| json!(leaf(number));
    match format {
        0 => vec![("Input", text(0)), ("output", text(1))],
        1 => vec![("prompt", text(0)), ("Completion", text(1))],
        2 => vec![("QUESTION", text(0)), ("answer", json!({"a": leaf(1)}))],
        3 => vec![
            ("instruction", text(0)),
            ("input", text(1)),
            ("response", text(2)),
        ],
        4 => vec![("text", text(0)), ("Label", text(1))],
        5 => vec![(
            "messages",
            json!([
                {"role": "user", "content": [{"type": "text", "text": leaf(0)}, {"type": "input_text", "text": leaf(1)}]},
                {"role": "assistant", "reasoning_content": leaf(2), "content": [
                    {"type": "thinking", "thinking": leaf(3)},
                    {"type": "text", "text": leaf(4)},
                    {"type": "tool_use", "id": "1", "name": "f", "input": {"x": leaf(5)}},
                ]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": leaf(6)}]}]},
                {"role": "assistant", "content": leaf(7)},
            ]),
        )],
        6 => vec![(
            "Conversation",
            json!([
                {"from": "human", "value": leaf(0)},
                {"from": "function_call", "value": json!({"name": "f", "arguments": {"x": leaf(1)}}).to_string()},
                {"from": "observation", "value": leaf(2)},
                {"from": "gpt", "value": leaf(3)},
            ]),
        )],
        _ => vec![(
            "contents",
            json!([
                {"role": "user", "parts": [{"text": leaf(0)}]},
                {"role": "model", "parts": [{"text": leaf(1), "thought": true}, {"text": leaf(2)}]},
            ]),
        )],
    }
}

/// Columns that a row may have besides, in many spellings.
const BESIDE: &[&str] = &[
    "system",
    "System Prompt",
    "context",
    "documents",
    "Options",
    "history",
    "tools",
    "cot",
    "rating",
    "source",
    "notes",
];

fn value(column: &str, number: usize) -> Value {
    match column {
        "documents" => json!([{"title": "t", "text": leaf(number)}]),
        "Options" => json!([leaf(number), "another"]),
        "history" => json!([["before", leaf(number)]]),
        "tools" => json!([{"name": "f", "description": leaf(number)}]),
        _ => json!(leaf(number)),
    }
}

fn said(report: &Report, name: &str) -> bool {
    let mut findings = report.findings.iter();
    findings.any(|finding| finding.message.contains(&format!("`{name}`")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_text_is_written_or_named(format in 0..8_usize, beside in prop::sample::subsequence(BESIDE, 0..5)) {
        let mut row = serde_json::Map::new();
        for (key, value) in conversation(format) {
            row.insert(key.to_owned(), value);
        }
        for (number, column) in beside.iter().enumerate() {
            row.entry((*column).to_owned()).or_insert(value(column, 20 + number));
        }
        let (cleaned, memory) = clean(Value::Object(row.clone()).to_string().as_bytes(), &whole());
        let report = &cleaned.report;
        let written = String::from_utf8_lossy(&memory.0[&OutputFile::Train]).into_owned();
        if report.rows.kept == 0 {
            prop_assert!(report.findings.iter().any(|finding| finding.line == 1), "{row:?}");
            return Ok(());
        }
        for (key, value) in &row {
            let text = value.to_string();
            let used = report.columns[key].used;
            for number in 0..30 {
                if !text.contains(&leaf(number)) || written.contains(&leaf(number)) {
                    continue;
                }
                let is_reasoning = matches!((format, number), (5, 2 | 3) | (7, 1));
                let named = ["reasoning_content", "thinking", "thought"].iter().any(|name| said(report, name));
                prop_assert!(used == ColumnUse::Ignored || is_reasoning && named, "{key}: {row:?} {written}");
            }
        }
    }
}
