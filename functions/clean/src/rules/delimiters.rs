//! A marker of some prompt template is part of the text.

use memchr::memchr3_iter;

use super::{Check, Rule};
use crate::{Severity, finding::Fault, json::Text, row::Row, signs::Signs};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "delimiters",
    severity: Severity::Note,
    binding: false,
    doc: "a marker of some prompt template is part of the text",
    fix: "take the marker away: Gemini marks the turns itself, and a tuned model would learn to print it",
    check: Check::Text(Signs::MARKER, check),
};

/// Markers of templates, in lower case; each starts as [`Signs::of_markup`] has it.
const MARKERS: &[&str] = &[
    "<human>",
    "</human>",
    "<bot>",
    "</bot>",
    "<user>",
    "</user>",
    "<assistant>",
    "</assistant>",
    "<system>",
    "</system>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<<sys>>",
    "<</sys>>",
    "[inst]",
    "[/inst]",
    "### response:",
    "### instruction:",
    "### input:",
    "### human:",
    "### assistant:",
    "### user:",
];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.turns.iter().find_map(|turn| {
        let marker = turn.texts().map(Text::escaped).find_map(find)?;
        let message = format!("`{marker}` is part of the text");
        Some(
            Fault::new(&RULE)
                .at(turn.place.at)
                .path(turn.place)
                .saying(message),
        )
    })
}

/// The first marker in `text`.
fn find(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    memchr3_iter(b'<', b'[', b'#', bytes).find_map(|at| {
        let rest = bytes
            .get(at..)
            .filter(|rest| Signs::of_markup(rest).has_any(Signs::MARKER))?;
        let is_next = |marker: &&&str| {
            let head = rest.get(..marker.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(marker.as_bytes()))
        };
        MARKERS.iter().find(is_next).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn markers_are_noted_with_the_rows_kept() {
        check(
            r#"{"input":"<human> hi","output":"one two three"}"#,
            &["delimiters"],
        );
        check(
            r####"{"input":"hi","output":"### Response: one two three"}"####,
            &["delimiters"],
        );
        check(
            r#"{"input":"[INST] hi [/INST]","output":"one two three"}"#,
            &["delimiters"],
        );
        check(
            r#"{"input":"a < b, [x], # title","output":"one two three"}"#,
            &[],
        );
    }

    #[test]
    fn every_marker_is_found() {
        for marker in MARKERS {
            let said = format!("a {} b", marker.to_uppercase());
            assert_eq!(find(&said), Some(*marker));
        }
    }
}
