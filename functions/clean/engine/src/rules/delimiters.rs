//! A text contains a marker of a prompt template.

use memchr::memchr3_iter;

use crate::{
    byte_classes::ByteClasses,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "delimiters",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "a text contains a marker of a prompt template",
    fix: "remove the marker: Gemini marks turns itself, and the tuned model would learn to print it",
    check: Check::Text(ByteClasses::MARKER, check),
};

/// Template markers, in lower case; [`ByteClasses::of_markup`] recognises the start of each.
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
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|end|>",
    "<eos>",
    "<bos>",
    "</s><s>",
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
    "###response:",
    "###instruction:",
    "###input:",
    "###human:",
    "###assistant:",
    "###user:",
];

/// Markers that count only at the very start or end of a text: elsewhere they are HTML's
/// strike-through.
const MARKERS_AROUND: &[&str] = &["<s>", "</s>"];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(location, text)| {
        let marker = find(text.escaped())?;
        let message = format!("the text contains the template marker `{marker}`");
        Some(Fault::new(&RULE).within(location).with_message(message))
    })
}

/// The first marker in `text`.
fn find(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    memchr3_iter(b'<', b'[', b'#', bytes).find_map(|at| {
        let rest = bytes
            .get(at..)
            .filter(|rest| ByteClasses::of_markup(rest).has_any(ByteClasses::MARKER))?;
        let is_next = |marker: &&&str| {
            let span = rest.get(..marker.len());
            span.is_some_and(|span| span.eq_ignore_ascii_case(marker.as_bytes()))
        };
        let around = |marker: &&&str| is_next(marker) && (at == 0 || rest.len() == marker.len());
        let marker = MARKERS.iter().find(is_next);
        marker
            .or_else(|| MARKERS_AROUND.iter().find(around))
            .copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn markers_are_noted_and_the_rows_are_kept() {
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
            let text = format!("a {} b", marker.to_uppercase());
            assert_eq!(find(&text), Some(*marker));
        }
    }

    #[test]
    fn sequence_markers_count_only_at_the_ends_of_a_text() {
        for (text, expected) in [
            ("<s>Hello", Some("<s>")),
            ("Hello</s>", Some("</s>")),
            ("Hello</s><s>Bye", Some("</s><s>")),
            ("It was <s>ten</s> nine", None),
            ("<span>a</span>", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }

    #[test]
    fn the_system_instruction_is_checked() {
        check(
            r#"{"system":"<|system|> Be kind.","input":"a","output":"one two three"}"#,
            &["delimiters"],
        );
    }
}
