//! The file is damaged: its bytes cannot be decompressed or decoded to the end.
//!
//! The rows before the damage are kept, as in a file that was cut off: every row is checked on its
//! own. But a person should look at the file, so the verdict is never `clean`.

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
    doc: "the file is damaged: only the rows before the damage were read",
    fix: "export or upload the file again; `gzip -t` or `zstd -t` tests a compressed file",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{container::samples::gzip, rules::tests::report_on_bytes};

    #[test]
    fn rows_before_the_damage_are_kept_and_the_damage_is_reported() {
        let row = "{\"input\":\"a\",\"output\":\"one two three\"}\n";
        let mut bytes = gzip(row.as_bytes());
        bytes.extend(b"no gzip at all");
        let report = report_on_bytes(&bytes);
        assert_eq!(report.codes.get("damaged_file"), Some(&1));
        assert_eq!(report.rows.kept, 1);
    }
}
