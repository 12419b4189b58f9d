//! The decompressed file exceeds the size limit.
//!
//! Unlike a truncated file, this one is complete, and it is the engine that stops reading. The rows
//! read so far are an arbitrary subset, and tuning on it would cost money, so no row is kept.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "expands_too_much",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the decompressed file exceeds the size limit",
    fix: "split it, or upload it uncompressed",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{
        container::samples::zstd,
        pass::{
            machine::Machine,
            tests::{clean, clean_on},
        },
        report::ReportVerdict,
        settings::Settings,
    };

    /// A few rows, and spaces that compress to almost nothing.
    fn bomb() -> Vec<u8> {
        let row = |n: u32| format!("{{\"input\":\"{n}\",\"output\":\"one two three\"}}\n");
        let rows = (0..50).map(row).collect::<Vec<_>>().concat();
        let blanks = vec![b' '; 65 << 20];
        zstd(&[rows.into_bytes(), blanks].concat())
    }

    #[test]
    fn no_row_of_a_decompression_bomb_is_kept() {
        let bomb = bomb();
        let held = clean(&bomb, &Settings::default()).0;
        let (streamed, _, passes) = clean_on(&bomb, &Settings::default(), Machine::tiny(2, 100));
        assert_eq!(passes, 1);
        for cleaned in [held, streamed] {
            let report = cleaned.report;
            assert_eq!(report.verdict, ReportVerdict::Unusable);
            assert_eq!((report.rows.kept, report.rows.rejected), (0, 51));
            assert_eq!((report.splits.train, cleaned.samples.len()), (0, 0));
            let finding = report
                .findings
                .iter()
                .find(|finding| finding.line == 0)
                .unwrap();
            assert!(
                finding.message.ends_with("reading stopped at line 51"),
                "{}",
                finding.message
            );
        }
    }
}
