//! A column that carries meaning is not read.

use crate::{
    key_names::name_keys,
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unread_column",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a column that carries meaning is not read",
    fix: "map it with `columns`, set `score_min` for a score, or remove it if the model is not to learn from it",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    let (_, rows) = file.unread.iter().max_by_key(|(_, rows)| *rows)?;
    let named = name_keys(file.unread.iter().map(|(key, _)| key.as_str()));
    let what = if file.unread.len() == 1 {
        "column"
    } else {
        "columns"
    };
    Some(format!(
        "the {what} {named} of up to {rows} rows carry meaning and are not read"
    ))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[test]
    fn columns_without_meaning_are_not_reported() {
        let row = |more: &str| format!(r#"{{"input":"a","output":"one two three",{more}}}"#);
        let codes = |more: &str| report_on(&row(more)).codes;
        for more in [
            r#""id":7"#,
            r#""source":"x","lang":"en""#,
            r#""score":null"#,
        ] {
            assert!(!codes(more).contains_key("unread_column"), "{more}");
        }
        for more in [
            r#""rationale":"x""#,
            r#""Score":3"#,
            r#""tools":[{"name":"f"}]"#,
        ] {
            assert_eq!(codes(more)["unread_column"], 1, "{more}");
        }
    }
}
