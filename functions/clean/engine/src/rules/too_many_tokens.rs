//! The row has more than 131,072 tokens (estimated); the service would drop it.

use crate::{
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "too_many_tokens",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the row has more than 131,072 tokens (estimated); the service would drop it",
    fix: "shorten the context, or split the row",
    check: Check::Row(check),
};

/// Most tokens in an example, input and output together (the service's limit for supervised tuning
/// of Gemini 3.5 Flash and 3.1 Flash-Lite).
const TOKENS_MAX: u32 = 131_072;

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let message = || {
        format!(
            "the row has about {} tokens; the limit is {TOKENS_MAX}",
            row.tokens
        )
    };
    (row.tokens > TOKENS_MAX).then(|| Fault::new(&RULE).with_message(message()))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn the_limit_counts_question_and_answer() {
        let row = |words: usize| {
            format!(
                r#"{{"input":"{}a","output":"one two three"}}"#,
                "a ".repeat(words)
            )
        };
        check(&row(131_000), &[]);
        check(&row(131_200), &["too_many_tokens"]);
    }
}
