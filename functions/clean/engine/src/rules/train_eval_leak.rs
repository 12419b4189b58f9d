//! The question is in an earlier version's eval split; excluded from training.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
///
/// Report-only: such a row never goes to the training split, whatever severity a recipe sets. A model
/// that is evaluated on questions it was trained on looks better than it is.
pub(crate) static RULE: Rule = Rule {
    code: "train_eval_leak",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the question is in an earlier version's eval split; excluded from training",
    fix: "nothing to do: the row stays in the eval or validation split",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{
        held_out::HeldOut, outputs::OutputFile, pass::tests::clean_by, plan::Plan,
        settings::Settings, severity::Severity,
    };

    #[test]
    fn a_leaking_row_is_reported_and_excluded_from_training() {
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
