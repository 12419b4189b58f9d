//! An earlier version compares models with the question of a row that would train.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
///
/// It only tells: such a row never trains, whatever a recipe says of the rule. A model compared on
/// questions whose answers it has learnt looks better than it is.
pub(crate) static RULE: Rule = Rule {
    code: "train_eval_leak",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "an earlier version compares models with this question: it does not train",
    fix: "nothing: the row stays among those that compare models, or validate",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{
        held_out::HeldOut, outputs::OutputFile, pass::tests::clean_by, plan::Plan,
        settings::Settings, severity::Severity,
    };

    #[test]
    fn a_row_that_would_train_is_named_and_kept_from_training() {
        let row = |n| format!("{{\"input\":\"q{n}\",\"output\":\"answer number {n}\"}}\n");
        let text: String = (0..40).map(row).collect();
        let settings = Settings::default();
        let (_, plain) = clean_by(text.as_bytes(), &settings, Plan::default());
        let trained = plain.rows(OutputFile::Train)[3];
        let mut held = HeldOut::default();
        held.read(trained.as_bytes(), &settings).unwrap();
        let (cleaned, memory) = clean_by(
            text.as_bytes(),
            &settings,
            Plan::default().holding_out(held),
        );
        assert!(memory.rows(OutputFile::Eval).contains(&trained));
        let mut findings = cleaned.report.findings.iter();
        let finding = findings.find(|f| f.code == "train_eval_leak").unwrap();
        let line = text.lines().nth(usize::try_from(finding.line).unwrap() - 1);
        let asked = line.unwrap().split('"').nth(3).unwrap();
        assert!(trained.contains(&format!("\"{asked}\"")), "{finding:?}");
        assert_eq!(finding.severity, Severity::Note);
    }
}
