//! The file is damaged: its bytes cannot be unpacked or decoded to the end.
//!
//! The rows before the damage are kept, as those of a file cut off are: each stands for itself, and
//! is judged. That is for people to look at, so nothing is clean about it.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "damaged_file",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the file is damaged: only the rows before the damage are read",
    fix: "export or upload the file again; `gzip -t` or `zstd -t` tests a packed one",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{container::samples::gzip, rules::tests::report_on_bytes};

    #[test]
    fn rows_before_the_damage_are_kept_and_the_damage_is_told() {
        let row = "{\"input\":\"a\",\"output\":\"one two three\"}\n";
        let mut bytes = gzip(row.as_bytes());
        bytes.extend(b"no gzip at all");
        let report = report_on_bytes(&bytes);
        assert_eq!(report.codes.get("damaged_file"), Some(&1));
        assert_eq!(report.rows.kept, 1);
    }
}
