//! The row has an unknown key, which is ignored.

use std::ops::BitOr;

use rapidfuzz::distance::osa;
use smallvec::SmallVec;

use crate::{
    json::{Node, Object, Value},
    key_names::name_keys,
    keys::Keys,
    rule::{Check, Fault, Rule},
    schema,
    severity::Severity,
};

/// The rule.
///
/// Extra columns are common and harmless. Reported are keys that look like a misspelling, keys that
/// Gemini's own format or a message does not have, and thoughts, which are not part of an answer.
pub(crate) static RULE: Rule = Rule {
    code: "unknown_key",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the row has an unknown key, which is ignored",
    fix: "correct the spelling of the key, or remove it",
    check: Check::Read,
};

/// Keys that a row may have in addition to those of its format.
const OPTIONAL: &[&str] = &[
    "system",
    "history",
    "context",
    "tools",
    "functions",
    "systemInstruction",
    "system_instruction",
    "toolConfig",
    "tool_config",
    "generationConfig",
    "generation_config",
];

/// Shortest key that can count as a misspelling: a shorter one is close to many others.
const KEY_BYTES_MIN: usize = 4;

/// Most letters that may be changed, missing or swapped in a misspelling.
const EDITS_MAX: usize = 2;

/// Keys of a message in a chat, in the words of any vendor. What is not read among them does not
/// change what is said.
const MESSAGE: &[&str] = &[
    "role",
    "from",
    "speaker",
    "author",
    "sender",
    "content",
    "value",
    "text",
    "message",
    "parts",
    "name",
    "type",
    "id",
    "status",
    "call_id",
    "tool_use_id",
    "tool_calls",
    "tool_call_id",
    "function_call",
    "weight",
    "train",
    "training",
    "trainable",
    "loss",
    "loss_weight",
    "mask",
    "masked",
    "reasoning_content",
    "reasoning",
    "thinking",
    "thoughts",
    "refusal",
    "audio",
    "annotations",
];

/// Keys of a message, by the list that contains it.
const MESSAGES: &[(Keys, &str, &[&str])] = &[
    (Keys::MESSAGES, "messages", MESSAGE),
    (Keys::CONVERSATIONS, "conversations", MESSAGE),
    (Keys::CONTENTS, "contents", &["role", "parts"]),
];

/// What is wrong with the keys of `row`, whose format has `keys`.
pub(crate) fn check(row: &Object<'_>, keys: Keys) -> Option<Fault> {
    let spare = row.members.len() > usize::try_from(keys.count(keys)).unwrap_or(usize::MAX);
    if spare && let Some(fault) = in_row(row, keys) {
        return Some(fault);
    }
    MESSAGES
        .iter()
        .filter(|(list, ..)| keys.has(*list))
        .find_map(|(_, list, known)| in_messages(row.get(list)?, list, known))
}

fn in_row(row: &Object<'_>, keys: Keys) -> Option<Fault> {
    let is_geminis = keys.has(Keys::CONTENTS);
    let with_input = keys.has(Keys::INSTRUCTION).then_some(&"input");
    let optional = || OPTIONAL.iter().chain(with_input).copied();
    let known = |key: &str| {
        let ours = || optional().any(|name| name == key) || schema::column(key).is_some();
        key.is_empty() || keys.has_named(key) || ours()
    };
    let missing: SmallVec<[&str; OPTIONAL.len() + 1]> =
        optional().filter(|meant| !row.has(meant)).collect();
    let mut others = row.members.iter().filter(|(key, _)| !known(key));
    others.find_map(|(key, node)| {
        let meant = missing.iter().find(|meant| is_misspelt(key, meant));
        if meant.is_none() && !is_geminis {
            return None;
        }
        let named = name_keys([key.as_ref()].into_iter());
        let mut message = format!("unknown key {named} is ignored");
        if let Some(meant) = meant {
            message.extend(["; did you mean `", meant, "`?"]);
        }
        Some(Fault::new(&RULE).at(node.at).with_message(message))
    })
}

fn in_messages(list: &Node<'_>, name: &str, known: &[&str]) -> Option<Fault> {
    let nodes = list.value.elements().iter().enumerate();
    nodes.into_iter().find_map(|(index, node)| {
        let Value::Object(message) = &node.value else {
            return None;
        };
        let key = message.keys().find(|key| !known.contains(key))?;
        let named = name_keys([key].into_iter());
        let message = format!("unknown key {named} in message {index} of `{name}` is ignored");
        Some(Fault::new(&RULE).at(node.at).with_message(message))
    })
}

/// Whether `key` is a misspelling of `meant`.
fn is_misspelt(key: &str, meant: &str) -> bool {
    let edits = if meant.len() > 2 * KEY_BYTES_MIN {
        EDITS_MAX
    } else {
        1
    };
    key.len() >= KEY_BYTES_MIN
        && key.len().abs_diff(meant.len()) <= edits
        && may_be_misspelt(key, meant, edits)
        && osa::distance(key.chars(), meant.chars()) <= edits
}

/// Whether the letters of the two differ by at most two for each of `edits` edits. A cheap filter:
/// every column of every row comes here, and few need the exact distance.
fn may_be_misspelt(key: &str, meant: &str, edits: usize) -> bool {
    let letters = |text: &str| {
        let letters = text.chars().map(|c| 1_u32 << (u32::from(c) % u32::BITS));
        letters.fold(0, BitOr::bitor)
    };
    (letters(key) ^ letters(meant)).count_ones() as usize <= 2 * edits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::tests::{check, report_on};

    proptest! {
        #[test]
        fn keys_within_the_distance_pass_the_filter(key in "[a-d_Aéß]{4,9}", meant in "[a-d_Aéß]{4,9}") {
            let edits = osa::distance(key.chars(), meant.chars());
            prop_assert!(may_be_misspelt(&key, &meant, edits));
        }
    }

    #[test]
    fn a_misspelt_key_is_noted() {
        let found = &["unknown_key"];
        check(
            r#"{"input":"a","output":"one two three","sytem":"b"}"#,
            found,
        );
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"one two three"}],"tool":[]}"#,
            found,
        );
        check(
            r#"{"messages":[{"role":"user","content":"a","naem":"b"},{"role":"assistant","content":"one two three"}]}"#,
            found,
        );
        let geminis = |key: &str| {
            format!(
                r#"{{"contents":[{{"role":"user","parts":[{{"text":"a"}}]}},{{"role":"model","parts":[{{"text":"one two three"}}]}}],"{key}":null}}"#
            )
        };
        check(&geminis("systemInstructions"), found);
        check(&geminis("safetySettings"), found);
        check(&geminis("systemInstruction"), &[]);
    }

    #[test]
    fn a_misspelt_input_of_an_instruction_is_noted() {
        let row = |key: &str| {
            format!(
                r#"{{"instruction":"Translate into French","{key}":"dog","output":"chien mord homme"}}"#
            )
        };
        let found = &["unknown_key"];
        check(&row("imput"), found);
        check(&row("inputs"), &[]);
        check(&row("input"), &[]);
        check(&row("input\":\"cat\",\"imput"), &[]);
        check(&row("outptu"), &[]);
        check(
            r#"{"prompt":"a","completion":"one two three","imput":"b"}"#,
            &[],
        );
    }

    #[test]
    fn extra_columns_are_not_reported() {
        check(
            r#"{"id":7,"input":"a","output":"one two three","source":"b","title":"c"}"#,
            &[],
        );
    }

    #[test]
    fn the_intended_key_is_suggested() {
        let report = report_on(r#"{"input":"a","output":"one two three","sytem":"b"}"#);
        let finding = report
            .findings
            .iter()
            .find(|f| f.code == "unknown_key")
            .unwrap();
        assert_eq!(
            finding.message,
            "unknown key `sytem` is ignored; did you mean `system`?"
        );
    }
}
