//! The first answer must not be trained on, and Gemini tuning trains on every answer.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "message_weight",
    version: 3,
    severity: Severity::Reject,
    binding: false,
    doc: "the first answer must not be trained on, and Gemini tuning trains on every answer of a row",
    fix: "make its turns part of the question after it, or accept that it is trained on: `severities = { message_weight = \"warn\" }`",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{formats::tests::convert, rules::tests::check};

    fn row(weight: &str) -> String {
        format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"one two three","weight":{weight}}},{{"role":"user","content":"b"}},{{"role":"assistant","content":"four five six","weight":1}}]}}"#
        )
    }

    #[test]
    fn what_comes_before_the_first_weight_of_zero_is_kept() {
        let answer = |text: &str, weight: u8| {
            format!(
                r#"{{"role":"user","content":"a"}},{{"role":"assistant","content":"{text} two three","weight":{weight}}}"#
            )
        };
        let row = |weights: [u8; 3]| {
            let answers = ["x", "y", "z"].iter().zip(weights);
            let answers: Vec<String> = answers.map(|(text, weight)| answer(text, weight)).collect();
            format!(r#"{{"messages":[{}]}}"#, answers.join(","))
        };
        for (weights, kept) in [
            ([1, 1, 0], 2),
            ([1, 0, 1], 1),
            ([1, 0, 0], 1),
            ([1, 1, 1], 3),
        ] {
            let written = convert(&row(weights));
            assert_eq!(written.matches("two three").count(), kept, "{written}");
            assert_eq!(written.ends_with("content_block"), kept < 3, "{written}");
        }
        check(&row([0, 1, 1]), &["message_weight"]);
        check(&row([0, 0, 0]), &["message_weight"]);
    }

    #[test]
    fn a_weight_of_zero_is_reported() {
        check(&row("0"), &["message_weight"]);
        check(&row("0.0"), &["message_weight"]);
        check(&row("1"), &[]);
        check(&row("null"), &[]);
    }
}
