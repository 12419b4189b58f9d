//! The file is small and becomes too large when unpacked.
//!
//! Unlike a file cut off, this one is whole, and it is we who stop: what would be kept is a part
//! that nobody chose, and a job on it would cost money. So no row is kept.

use super::{Check, Rule};
use crate::Severity;

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "expands_too_much",
    severity: Severity::Reject,
    binding: true,
    doc: "unpacked, the file is larger than what is read",
    fix: "upload it in parts, or not packed",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{Part, Settings, Verdict, container::samples::zstd, write::tests::clean};

    #[test]
    fn nothing_of_a_bomb_is_kept() {
        let rows = "{\"input\":\"a\",\"output\":\"one two three\"}\n".repeat(3);
        let bomb = [rows.into_bytes(), vec![b' '; 65 << 20]].concat();
        let (survey, _, memory) = clean(&zstd(&bomb), &Settings::default());
        let report = survey.report();
        assert_eq!(report.verdict, Verdict::Unusable);
        assert_eq!((report.rows.kept, report.rows.rejected), (0, 2));
        let rejected = memory.rows(Part::Rejected);
        assert!(rejected[0].contains(r#""codes":["expands_too_much"]"#));
    }
}
