//! An earlier version compares models with the question, and only training would have room for it.

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
    doc: "an earlier version compares models with this question, and only training has room for it",
    fix: "raise `eval_rows` or `validation_percent`, or let more rows come with it",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{
        held_out::HeldOut, pass::tests::clean_by, plan::Plan, settings::Settings,
        severity::Severity,
    };

    #[test]
    fn a_row_that_could_only_train_is_left_out() {
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
