//! The question is in an earlier version's eval split, and the eval and validation splits are full.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "held_out_no_room",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "an earlier version holds the question out, and the eval and validation splits are full",
    fix: "raise `eval_rows` or `validation_percent`, or upload more rows with it",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{
        held_out::HeldOut, pass::tests::clean_by, plan::Plan, settings::Settings,
        severity::Severity,
    };

    #[test]
    fn a_row_with_no_room_but_in_training_is_rejected() {
        let rows = b"{\"input\":\"a\",\"output\":\"one two three\"}\n\
                     {\"input\":\"b\",\"output\":\"one two three\"}\n";
        let mut held = HeldOut::default();
        let eval = br#"{"prompt":"b","response":"other words than those"}"#;
        held.read(eval.as_slice(), &Settings::default()).unwrap();
        let plan = Plan::default().holding_out(held);
        let (cleaned, _) = clean_by(rows, &Settings::default(), plan);
        let mut findings = cleaned.report.findings.iter();
        let finding = findings.find(|f| f.code == "held_out_no_room").unwrap();
        assert_eq!((finding.line, finding.severity), (2, Severity::Reject));
        let rows = cleaned.report.rows;
        assert_eq!((rows.kept, rows.rejected), (1, 1));
    }
}
