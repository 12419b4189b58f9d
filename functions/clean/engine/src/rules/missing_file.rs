//! A text has the mark of a picture that the row does not have.

use crate::{
    byte_classes::ByteClasses,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
///
/// Marks of model inputs anywhere; `<image>` and `[image]`, which are markup or prose elsewhere, only at the
/// start or the end of a text or on a line of their own.
pub(crate) static RULE: Rule = Rule {
    code: "missing_file",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "a text has the mark of a picture, and the row has none",
    fix: "add the address of the picture (`images`, `gs://` or `https://`), or take the mark out of the text",
    check: Check::Text(ByteClasses::MARKER.with(ByteClasses::PLACEHOLDER), check),
};

/// Marks that stand for a picture anywhere.
const MARKS: &[&str] = &[
    "<|image_1|>",
    "<|image|>",
    "<|image_pad|>",
    "<image_placeholder>",
    "<|vision_start|>",
];

/// Marks that do where they stand apart.
const MARKS_APART: &[&str] = &["<image>", "[image]"];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    if row.example.has_parts_other_than_texts() {
        return None;
    }
    row.example.texts().find_map(|(location, text)| {
        let text = text.escaped();
        let anywhere = MARKS.iter().find(|mark| text.contains(**mark));
        let apart = || {
            let mut lines = text.split("\\n").map(str::trim);
            let is_apart = |mark: &&&str| {
                text.trim_start().starts_with(**mark)
                    || text.trim_end().ends_with(**mark)
                    || lines.any(|line| line == **mark)
            };
            MARKS_APART.iter().find(is_apart)
        };
        let mark = anywhere.or_else(apart)?;
        let message = format!("the text has `{mark}`, and the row has no picture");
        Some(Fault::new(&RULE).within(location).with_message(message))
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_mark_without_its_picture_is_refused() {
        let row = |input: &str| {
            serde_json::json!({"input": input, "output": "one two three"}).to_string()
        };
        for input in [
            "<image>Who are they?",
            "Who are they?\n<image>",
            "Look.\n<image>\nWho are they?",
            "<|image_1|> what is it",
            "what is it [image]",
        ] {
            check(&row(input), &["missing_file"]);
        }
        for input in [
            "How is <image> written in SVG?",
            "the [image] tag of BBCode is old",
        ] {
            check(&row(input), &[]);
        }
    }
}
