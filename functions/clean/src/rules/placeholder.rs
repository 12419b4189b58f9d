//! A placeholder was never filled in.

use memchr::memchr2_iter;

use super::{Check, Rule};
use crate::{Severity, finding::Fault, json::Text, row::Row, signs::Signs};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "placeholder",
    severity: Severity::Warn,
    binding: false,
    doc: "a placeholder was never filled in",
    fix: "fill the template in before exporting",
    check: Check::Text(Signs::PLACEHOLDER, check),
};

/// Names that templates in single braces have; others need an underscore to be told from sets
/// and from code.
const NAMES: &[&str] = &[
    "name", "username", "user", "customer", "company", "email", "date", "city", "product", "order",
    "topic", "question", "answer", "context", "input", "output", "prompt", "text", "query",
];

/// Signs of a text that is about braces: code, mathematics, JSON.
const BRACES_ARE_MEANT: &[&str] = &[
    "`",
    "\\\\",
    "\\\"",
    "format",
    "f'",
    ";",
    "=>",
    "template",
    "placeholder",
    "$",
    "def ",
    "/{",
    "</",
];

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
        if let Some(inner) = rest.strip_prefix('{') {
            return is_template(text, at, inner).then_some("a placeholder `{…}`");
        }
        let open = ["<YOUR_", "<YOUR ", "<INSERT_", "<INSERT "];
        let opened = open.iter().any(|open| rest.starts_with(open));
        opened.then_some("a placeholder `<YOUR_…>`")
    })
}

/// Whether the brace before `inner`, at `at`, opens a placeholder: a name stands alone in it, and
/// the text is not one in which braces mean something.
fn is_template(text: &str, at: usize, inner: &str) -> bool {
    let length = inner
        .bytes()
        .take(NAME_MAX)
        .take_while(|b| b.is_ascii_lowercase() || *b == b'_');
    let length = length.count();
    let (name, after) = inner.split_at_checked(length).unwrap_or_default();
    let before = text.as_bytes().get(..at).unwrap_or_default().last();
    let is_name = NAMES.contains(&name)
        || name
            .trim_matches('_')
            .split_once('_')
            .is_some_and(|(first, _)| first.len() > 1);
    is_name
        && after.starts_with('}')
        && matches!(before, None | Some(b' ' | b',' | b'n' | b'(' | b'*'))
        && !BRACES_ARE_MEANT.iter().any(|sign| text.contains(sign))
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

    #[test]
    fn single_braces_need_a_name_and_no_code_around() {
        let told = Some("a placeholder `{…}`");
        for (text, expected) in [
            ("Dear {name}, welcome", told),
            ("Dear {first_name},", told),
            ("Hello,\\n{customer_name}!", told),
            ("The set {a} and {apple}", None),
            ("Use \\frac{name}", None),
            ("Call `f({name})`", None),
            ("say f'Hi {name}'", None),
            ("{\\\"name\\\": {name}}", None),
            ("x_{first_name}", None),
            ("GET /users/{user_id} now", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }
}
