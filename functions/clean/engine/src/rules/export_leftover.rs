//! A text is what an export or a script leaves where there is nothing.

use crate::{
    json::Text,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "export_leftover",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "a text is what an export leaves where there is nothing",
    fix: "write an empty string or `null` where there is nothing",
    check: Check::Row(check),
};

/// What exports, scripts and other models leave: in lower case.
const LEFTOVERS: &[&str] = &[
    "nan",
    "none",
    "null",
    "nil",
    "n/a",
    "#n/a",
    "undefined",
    "noinput",
    "no input",
    "<noinput>",
    "[noinput]",
    "[deleted]",
    "[removed]",
];

/// The longest of them, in bytes.
const LEFTOVER_MAX: usize = 9;

/// Spaces around one of them, where texts are not trimmed.
const BLANKS_MAX: usize = 8;

/// What `text` is a leftover of nothing as; `None` for any other text.
pub(crate) fn leftover(text: &Text<'_>) -> Option<&'static str> {
    let text = text.escaped();
    // Nearly all texts end here.
    if text.len() > BLANKS_MAX + LEFTOVER_MAX {
        return None;
    }
    let text = text.trim();
    let mut all = LEFTOVERS.iter();
    all.find(|known| text.eq_ignore_ascii_case(known)).copied()
}

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(location, text)| {
        let found = leftover(text)?;
        let message = format!("a text is only `{found}`");
        Some(Fault::new(&RULE).within(location).with_message(message))
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        formats::tests::convert, outputs::OutputFile, pass::tests::clean, rules::tests::check,
    };

    #[test]
    fn what_an_export_leaves_is_noted_and_not_read_as_an_input() {
        let alone = convert(r#"{"instruction":"Say hello","output":"hello to you"}"#);
        for nothing in ["Noinput", "nan", "None", "N/A", "<noinput>"] {
            let row = format!(
                r#"{{"instruction":"Say hello","input":"{nothing}","output":"hello to you"}}"#
            );
            check(&row, &["export_leftover"]);
            assert_eq!(convert(&row), format!("{alone} export_leftover"));
        }
        check(
            r#"{"system":"null","input":"a","output":"one two three"}"#,
            &["export_leftover"],
        );
        check(
            r#"{"input":"nan","output":"one two three"}"#,
            &["export_leftover"],
        );
        let settings = toml::from_str("severities = { export_leftover = 'off' }").unwrap();
        let row = r#"{"instruction":"Say hello","input":"NaN","output":"hello to you"}"#;
        let (_, files) = clean(row.as_bytes(), &settings);
        assert!(files.rows(OutputFile::Train)[0].contains("NaN"));
        check(r#"{"input":"none of it","output":"one two three"}"#, &[]);
    }
}
