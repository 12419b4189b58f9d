//! A text was read in the wrong encoding.

use memchr::memchr2_iter;

use super::{Check, Rule};
use crate::{Severity, finding::Fault, row::Row, signs::Signs};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "mojibake",
    severity: Severity::Warn,
    binding: false,
    doc: "a text was read in the wrong encoding: `Ã©` for `é`, `â€™` for `’`, or `\u{FFFD}`",
    fix: "export again, reading and writing as UTF-8; what is `\u{FFFD}` by now is lost",
    check: Check::Text(Signs::MOJIBAKE, check),
};

/// What UTF-8 becomes that is read as Latin-1 or Windows-1252 and written as UTF-8 again; each
/// starts with the byte 0xC3. Those of two characters are the rarest of neighbours in any language.
const TWICE_ENCODED: &[&[u8]] = &[
    // `Ã` and `Â`, and then what is not a letter: all of U+0080 to U+00FF.
    b"\xC3\x83\xC2",
    b"\xC3\x82\xC2",
    b"\xC3\x83\xE2\x80",
    // `â€`: quotes and dashes.
    b"\xC3\xA2\xE2\x82\xAC",
    b"\xC3\xA2\xC2\x80",
    // `ï»¿`: the mark of byte order.
    b"\xC3\xAF\xC2\xBB\xC2\xBF",
    // `ðŸ`: emoji.
    b"\xC3\xB0\xC5\xB8",
    b"\xC3\xB0\xC2\x9F",
];

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(place, text)| {
        let message = find(text.escaped())?;
        Some(Fault::new(&RULE).within(place).saying(message))
    })
}

/// What is wrong with the encoding of `text`.
fn find(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    memchr2_iter(0xC3, 0xEF, bytes).find_map(|at| {
        let rest = bytes.get(at..)?;
        if rest.starts_with("\u{FFFD}".as_bytes()) {
            return Some("a character is lost and stands as U+FFFD");
        }
        let twice = TWICE_ENCODED.iter().any(|sign| rest.starts_with(sign));
        twice.then_some("UTF-8 was taken for another encoding and encoded again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn a_text_encoded_twice_is_told() {
        let row = |answer: &str| format!(r#"{{"input":"a","output":"one two {answer}"}}"#);
        check(&row("cafÃ©s"), &["mojibake"]);
        check(&row("cafés, naïve, São Paulo, «â», SÃO"), &[]);
        check(&row("lost \u{FFFD} here"), &["mojibake"]);
    }

    #[test]
    fn every_letter_of_latin_encoded_twice_is_found() {
        for c in ('\u{a1}'..='\u{ff}').chain("’“–…€😀".chars()) {
            let mut bytes = [0; 4];
            let read_as_latin1: String =
                c.encode_utf8(&mut bytes).bytes().map(char::from).collect();
            let is_found = find(&read_as_latin1).is_some();
            assert_eq!(is_found, !matches!(c, '€'), "{c}: {read_as_latin1}");
            assert_eq!(find(&format!("a {c} b")), None);
        }
        for text in ["donâ€™t", "â€œso", "Ã‰tat", "ðŸ˜€", "ï»¿a", "Â£5"] {
            assert!(find(text).is_some(), "{text}");
        }
    }
}
