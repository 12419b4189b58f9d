//! A placeholder was never filled in.

use memchr::{memchr2_iter, memchr3_iter};

use crate::{
    byte_classes::ByteClasses,
    detect::begins_word,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "placeholder",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a placeholder was never filled in",
    fix: "fill in the template before exporting",
    check: Check::Text(ByteClasses::PLACEHOLDER, check),
};

/// Names that count as placeholders in single braces; any other name needs an underscore, to be
/// distinguished from sets and code.
const NAMES: &[&str] = &[
    "name", "username", "user", "customer", "company", "email", "date", "city", "product", "order",
    "topic", "question", "answer", "context", "input", "output", "prompt", "text", "query",
];

/// Substrings of texts in which braces are legitimate: code, mathematics, markup, JSON.
const BRACES_ARE_MEANT: &[&str] = &[
    "`",
    "\\\\",
    "\\\":",
    "=\\\"",
    "= \\\"",
    "format(",
    "format!",
    ";\\n",
    "=>",
    "template",
    "placeholder",
    "def ",
    "/{",
    "</",
];

/// How placeholders that ask for the user's own value begin.
const OPENINGS: &[&str] = &["<YOUR_", "<YOUR ", "<INSERT_", "<INSERT "];

/// Longest placeholder name, in bytes; anything longer is code or prose.
const NAME_MAX: usize = 40;

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(location, text)| {
        let message = find(text.escaped())?;
        Some(
            Fault::new(&RULE)
                .within(location)
                .with_message(format!("{message} was never filled in")),
        )
    })
}

/// The kind of placeholder in `text`, if there is one.
fn find(text: &str) -> Option<&'static str> {
    // Whether braces are legitimate here: this takes a scan of the whole text, so it is done once.
    let mut meant = None;
    memchr2_iter(b'{', b'<', text.as_bytes()).find_map(|at| {
        let (before, rest) = text.split_at_checked(at)?;
        if rest.starts_with('<') {
            return is_request(rest).then_some("a placeholder `<YOUR_…>`");
        }
        if rest.starts_with("{{") {
            return is_double(rest).then_some("a placeholder `{{…}}`");
        }
        let is_template =
            is_template(before, rest) && !*meant.get_or_insert_with(|| are_braces_meant(text));
        is_template.then_some("a placeholder `{…}`")
    })
}

/// Whether `rest` begins with a name in double braces.
fn is_double(rest: &str) -> bool {
    let inner = rest.as_bytes().get(2..).unwrap_or_default();
    let mut ends = inner.windows(2).take(NAME_MAX + 1);
    let end = ends.position(|two| two == b"}}").unwrap_or_default();
    let name = rest.get(2..2 + end).unwrap_or_default().trim();
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ' ');
    !name.is_empty() && name.chars().all(is_of_name)
}

/// Whether `rest` begins with a tag that asks for the user's own value. In lower case the tag must
/// contain only a name, to be distinguished from markup.
fn is_request(rest: &str) -> bool {
    let begins = |open: &&str| {
        let span = rest.as_bytes().get(..open.len());
        span.is_some_and(|span| span.eq_ignore_ascii_case(open.as_bytes()))
    };
    if OPENINGS.iter().any(|open| rest.starts_with(open)) {
        return true;
    }
    let mut inner = rest.bytes().skip(1).take(NAME_MAX + 1);
    let is_mark = |b: &u8| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
    OPENINGS.iter().any(begins) && inner.find(is_mark) == Some(b'>')
}

/// Whether the brace at the start of `rest`, after `before`, opens a placeholder: it must contain
/// only a name.
fn is_template(before: &str, rest: &str) -> bool {
    let inner = rest.bytes().skip(1).take(NAME_MAX);
    let length = inner
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    let name = rest.get(1..=length).unwrap_or_default();
    let after = rest.get(1 + length..).unwrap_or_default();
    let is_name = name
        .trim_matches('_')
        .split_once('_')
        .is_some_and(|(first, _)| first.len() > 1)
        || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let is_code = |sign: &&str| after.starts_with(sign);
    is_name
        && after.starts_with('}')
        && !["} =", "} from \\\"", "} from '", "};"].iter().any(is_code)
        && may_precede(before.as_bytes())
}

/// Whether a placeholder may follow `before`: a space, punctuation, or a letter of a script that
/// does not separate words with spaces.
fn may_precede(before: &[u8]) -> bool {
    match before {
        [.., b'=', b' '] => false,
        [] | [.., b'\\', b'n' | b't' | b'r'] => true,
        [.., mark] => matches!(
            mark,
            b' ' | b',' | b':' | b'(' | b'[' | b'*' | b'"' | b'\'' | b'>' | 0x80..
        ),
    }
}

/// Whether braces are legitimate in `text`.
fn are_braces_meant(text: &str) -> bool {
    text.ends_with(';')
        || BRACES_ARE_MEANT.iter().any(|sign| text.contains(sign))
        || memchr3_iter(b'$', b'(', b'f', text.as_bytes()).any(|at| is_of_code(text.as_bytes(), at))
}

/// Whether there is code at `at`: a variable (`$name`, but not a price), a call (`name(` followed by
/// a quote or a closing bracket), or a Python f-string (`f"…"`).
fn is_of_code(bytes: &[u8], at: usize) -> bool {
    let (before, rest) = bytes.split_at_checked(at).unwrap_or_default();
    let follows_word =
        matches!(before, [.., b'_' | b'!']) || before.last().is_some_and(u8::is_ascii_alphanumeric);
    match rest {
        [
            b'$',
            b'_' | b'{' | b'(' | b'$' | b'\\' | b'a'..=b'z' | b'A'..=b'Z',
            ..,
        ] => true,
        [b'(', b'\'' | b')', ..] | [b'(', b'\\', b'"', ..] => follows_word,
        [b'f', b'\'', ..] | [b'f', b'\\', b'"', ..] => begins_word(bytes, at),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn unfilled_placeholders_are_reported() {
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
        assert_eq!(find("{{{name}}}"), Some("a placeholder `{{…}}`"));
    }

    #[test]
    fn a_request_tag_is_found_in_any_case() {
        let found = Some("a placeholder `<YOUR_…>`");
        for (text, expected) in [
            ("<YOUR_API_KEY>", found),
            ("I am <your_name>.", found),
            ("I am <Your Name>.", found),
            ("<insert date here>", found),
            ("<i>so</i>", None),
            ("<insert id=\\\"a\\\">", None),
            ("<your", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }

    #[test]
    fn the_system_instruction_is_checked() {
        check(
            r#"{"system":"You serve {company_name}.","input":"a","output":"one two three"}"#,
            &["placeholder"],
        );
    }

    #[test]
    fn single_braces_need_a_name_and_no_code_around() {
        let found = Some("a placeholder `{…}`");
        for (text, expected) in [
            ("Dear {name}, welcome", found),
            ("Dear {first_name},", found),
            ("Hello,\\n{customer_name}!", found),
            ("The set {a} and {apple}", None),
            ("Use \\frac{name}", None),
            ("Call `f({name})`", None),
            ("say f'Hi {name}'", None),
            ("{\\\"name\\\": {name}}", None),
            ("x_{first_name}", None),
            ("GET /users/{user_id} now", None),
            ("Dear {name}, your balance is $50", found),
            ("Dear {name}, for more information call us", found),
            ("Dear {name}, call us (now); the chef's here", found),
            ("Hello {Name}!", found),
            (r#"\"{name}\""#, found),
            (r#"He said \"Hi {name}\"."#, found),
            ("您好{name}，", found),
            (r#"print(f\"Hi {name}\")"#, None),
            (r#"Use f\"{name}\" here"#, None),
            (r"'Hi {name}'.format(name=1)", None),
            (r#"println!(\"{name}\")"#, None),
            (r"log.info('Hi {name}')", None),
            (r#"{\"text\": \"Hi {name}\"}"#, None),
            (r"\\frac{a}{b} is {name}", None),
            ("p {color: red} a {name}:;\\n", None),
            ("echo ${HOME} {name}", None),
            ("`Hi ${name}`", None),
            ("say ${name}", None),
            (r#"import {name} from \"./a\""#, None),
            ("const {user} = props", None),
            ("s = {name}", None),
            ("x = {name};", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }

    #[test]
    fn many_braces_take_linear_time() {
        const BYTES: usize = 2_000_000;
        for piece in [
            "{",
            "{{",
            "{{ ",
            "{{a",
            "<",
            "<your ",
            "{name",
            "{user_id} ",
        ] {
            let text = piece.repeat(BYTES / piece.len()) + ";";
            assert_eq!(find(&text), None, "{piece}");
        }
    }
}
