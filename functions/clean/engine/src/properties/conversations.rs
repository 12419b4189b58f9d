//! What models are compared by is not trained on, anywhere in a conversation.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::adds_up;
use crate::{
    outputs::OutputFile,
    pass::{
        machine::Machine,
        tests::{Memory, clean_on},
    },
    settings::Settings,
};

/// Conversations that begin alike: each turn is one of few questions.
fn conversations() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(0..6_u8, 1..4), 30..160)
}

/// A row; the case and the punctuation of a question differ from row to row.
fn row(line: usize, asked: &[u8]) -> String {
    let mut turns = Vec::new();
    for (depth, question) in asked.iter().enumerate() {
        let question = match line % 3 {
            0 => format!("Question number {question}?"),
            1 => format!("question-number {question}"),
            _ => format!("QUESTION  number {question}!"),
        };
        turns.push(json!({"role": "user", "content": question}));
        // The answers of earlier turns are part of what is asked later.
        let answer = if depth + 1 == asked.len() {
            line
        } else {
            depth
        };
        turns.push(json!({"role": "assistant", "content": format!("this is answer {answer}")}));
    }
    format!("{}\n", json!({"messages": turns}))
}

/// What a row asks before each of its answers, without case and punctuation.
fn questions(row: &str) -> Vec<String> {
    let row: Value = serde_json::from_str(row).unwrap();
    let turns = row["contents"].as_array().unwrap();
    let said = |turn: &Value| {
        let text = turn["parts"][0]["text"].as_str().unwrap().to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let before = |answer: usize| {
        turns[..answer]
            .iter()
            .map(said)
            .collect::<Vec<_>>()
            .join("|")
    };
    (1..turns.len()).step_by(2).map(before).collect()
}

fn check(memory: &Memory) -> Result<(), TestCaseError> {
    let trained: BTreeSet<String> = memory
        .rows(OutputFile::Train)
        .into_iter()
        .flat_map(questions)
        .collect();
    for part in [OutputFile::Eval, OutputFile::Validation] {
        for row in memory.rows(part) {
            let asked = questions(row).pop().unwrap();
            prop_assert!(!trained.contains(&asked), "{asked}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_prompt_of_eval_or_validation_is_a_trained_turn(conversations in conversations()) {
        let rows = conversations.iter().enumerate();
        let text: String = rows.map(|(line, asked)| row(line, asked)).collect();
        for hold in [1_000, u64::MAX] {
            let (cleaned, memory, _) = clean_on(text.as_bytes(), &Settings::default(), Machine::tiny(2, hold));
            adds_up(&cleaned, &memory);
            check(&memory)?;
        }
    }

    #[test]
    fn what_the_file_holds_out_is_never_trained(conversations in conversations(), tested in prop::collection::btree_set(0..160_usize, 1..30)) {
        let rows = conversations.iter().enumerate();
        let text: String = rows.map(|(line, asked)| {
            let row = row(line, asked);
            let split = if tested.contains(&line) { "test" } else { "train" };
            row.replacen('{', &format!("{{\"split\":\"{split}\","), 1)
        }).collect();
        for hold in [1_000, u64::MAX] {
            let (cleaned, memory, _) = clean_on(text.as_bytes(), &Settings::default(), Machine::tiny(2, hold));
            adds_up(&cleaned, &memory);
            check(&memory)?;
            let trained = memory.rows(OutputFile::Train).join("\n");
            for line in tested.iter().filter(|line| **line < conversations.len()) {
                let answer = format!("this is answer {line}\"");
                prop_assert!(*line < 3 || !trained.contains(&answer), "{line}");
            }
        }
    }
}
