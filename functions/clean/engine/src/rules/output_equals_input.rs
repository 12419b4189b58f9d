//! The answer repeats the question.

use crate::{
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "output_equals_input",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the answer repeats the question",
    fix: "check the export: one column may have been used twice",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let [.., asked, answered] = row.example.turns.as_slice() else {
        return None;
    };
    let same = !answered.is_empty() && asked.texts().eq(answered.texts());
    let repeats = same && answered.texts().next().is_some();
    repeats.then(|| {
        Fault::new(&RULE)
            .at(answered.location.at)
            .path(answered.location)
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn an_echo_is_reported() {
        check(
            r#"{"input":"one two three","output":"one two three"}"#,
            &["output_equals_input"],
        );
        check(r#"{"input":"one two","output":"one two three"}"#, &[]);
    }
}
