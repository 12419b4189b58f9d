//! A text contains control characters other than line breaks and tabs.

use memchr::{memchr, memchr2_iter};

use crate::{
    byte_classes::ByteClasses,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
///
/// Line breaks and tabs are text. So are zero-width characters (joiners, direction marks): emoji,
/// Persian and Hebrew need them.
pub(crate) static RULE: Rule = Rule {
    code: "control_characters",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a text contains control characters other than line breaks and tabs",
    fix: "remove them: they come from terminals, binary files or a wrong encoding",
    check: Check::Text(ByteClasses::CONTROL, check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(location, text)| {
        let code = find(text.escaped())?;
        let message = format!("the text contains the control character U+{code:04X}");
        Some(Fault::new(&RULE).within(location).with_message(message))
    })
}

/// The first control character in the escaped text.
fn find(escaped: &str) -> Option<u32> {
    in_escapes(escaped).or_else(|| in_plain(escaped))
}

/// Finds those below U+0020, which are always escaped.
fn in_escapes(escaped: &str) -> Option<u32> {
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        let after = rest.get(at + 1..)?;
        match after.as_bytes().first()? {
            b'b' => return Some(0x08),
            b'f' => return Some(0x0C),
            b'u' => return u32::from_str_radix(after.get(1..5)?, 16).ok(),
            _ => rest = after.get(1..)?,
        }
    }
    None
}

/// Finds U+007F, which is one byte, and U+0080 to U+009F, which are two, the first of them 0xC2.
fn in_plain(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    memchr2_iter(0x7F, 0xC2, bytes).find_map(|at| match bytes.get(at..)? {
        [0x7F, ..] => Some(0x7F),
        [0xC2, next @ 0x80..=0x9F, ..] => Some(u32::from(*next)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{json::Text, rules::tests::check};

    #[test]
    fn control_characters_are_reported_and_line_breaks_are_not() {
        let row =
            |answer: &str| format!(r#"{{"input":"a","output":"one two {answer} three four"}}"#);
        check(&row(r"\u001b[31m"), &["control_characters"]);
        check(&row(r"\n\r\t \\b \\u001b"), &[]);
        check(&row("\u{85}"), &["control_characters"]);
        check(&row("\u{200d}\u{200b} é «»"), &[]);
    }

    #[test]
    fn every_control_character_is_found() {
        for code in (0..0x20).chain(0x7F..0xA0) {
            let c = char::from_u32(code).unwrap();
            let found = find(Text::of(&format!("é\\b{c}b")).escaped());
            let is_text = matches!(c, '\n' | '\r' | '\t');
            assert_eq!(found, (!is_text).then_some(code), "{code:x}");
        }
    }
}
