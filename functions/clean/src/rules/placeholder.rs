//! A placeholder was never filled in.

use memchr::memchr2_iter;

use super::{Check, Rule};
use crate::{Severity, finding::Fault, json::Text, row::Row};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "placeholder",
    severity: Severity::Warn,
    binding: false,
    doc: "a placeholder was never filled in",
    fix: "fill the template in before exporting",
    check: Check::Row(check),
};

/// Longest name of a placeholder, in bytes; longer ones are code or prose.
const NAME_MAX: usize = 40;

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.turns.iter().find_map(|turn| {
        let kind = turn.texts().map(Text::escaped).find_map(find)?;
        let message = format!("{kind} was never filled in");
        Some(
            Fault::new(&RULE)
                .at(turn.place.at)
                .path(turn.place)
                .saying(message),
        )
    })
}

/// What kind of placeholder is in `text`.
fn find(text: &str) -> Option<&'static str> {
    memchr2_iter(b'{', b'<', text.as_bytes()).find_map(|at| {
        let rest = text.get(at..)?;
        if let Some(inner) = rest.strip_prefix("{{") {
            let end = inner
                .find("}}")
                .filter(|end| (1..=NAME_MAX).contains(end))?;
            let name = inner.get(..end)?.trim();
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ' '));
            return is_name.then_some("a placeholder `{{…}}`");
        }
        let open = ["<YOUR_", "<YOUR ", "<INSERT_", "<INSERT "];
        let opened = open.iter().any(|open| rest.starts_with(open));
        opened.then_some("a placeholder `<YOUR_…>`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn unfilled_placeholders_are_told() {
        check(
            r#"{"input":"Dear {{ name }}","output":"one two three"}"#,
            &["placeholder"],
        );
        check(
            r#"{"input":"a","output":"use <YOUR_API_KEY> here please"}"#,
            &["placeholder"],
        );
        check(r#"{"input":"{\"a\": {}}","output":"one two three"}"#, &[]);
    }

    #[test]
    fn only_names_count() {
        assert_eq!(find("{{user.first-name}}"), Some("a placeholder `{{…}}`"));
        assert_eq!(find("{{}}"), None);
        assert_eq!(find("{{a: 1}}"), None);
        assert_eq!(find("{{ never closed"), None);
        assert_eq!(find(&format!("{{{{{}}}}}", "x".repeat(41))), None);
        assert_eq!(find("<your_name>"), None);
    }
}
