//! A text was decoded with the wrong encoding.

use memchr::memchr2_iter;

use crate::{
    byte_classes::ByteClasses,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "mojibake",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a text was decoded with the wrong encoding: `Ã©` for `é`, `â€™` for `’`, or `\u{FFFD}`",
    fix: "export again, reading and writing UTF-8; characters already replaced by `\u{FFFD}` are lost",
    check: Check::Text(ByteClasses::MOJIBAKE, check),
};

/// UTF-8 that was decoded as Latin-1 or Windows-1252 and encoded as UTF-8 again; every sequence
/// starts with the byte 0xC3. Sequences of two characters are extremely rare in any language. `Ã` is
/// handled in [`is_letter`].
const TWICE_ENCODED: &[&[u8]] = &[
    // `Â` followed by a character that is not a letter: U+0080 to U+00BF.
    b"\xC3\x82\xC2",
    // `â€`: quotes and dashes.
    b"\xC3\xA2\xE2\x82\xAC",
    b"\xC3\xA2\xC2\x80",
    // `ï»¿`: the byte order mark.
    b"\xC3\xAF\xC2\xBB\xC2\xBF",
    // `ðŸ`: emoji.
    b"\xC3\xB0\xC5\xB8",
    b"\xC3\xB0\xC2\x9F",
];

/// The characters of Windows-1252 for the bytes 0x80 to 0x9F. Bytes that it leaves undefined, and
/// those from 0xA0 on, are as in Latin-1.
const WINDOWS: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/// Punctuation that may follow a capitalised word ending with `Ã`, as in Portuguese and Vietnamese.
const MARKS: &str = "\u{a0}«»‘’“”‚„‹›–—…•";

/// What the first bytes of Greek, Cyrillic and Arabic letters become. Each of these is also a letter
/// of some language, so only two in a row count.
const LEADS: &str = "ÎÏÐÑØÙ";

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    row.example.texts().find_map(|(location, text)| {
        let message = find(text.escaped())?;
        Some(Fault::new(&RULE).within(location).with_message(message))
    })
}

/// What is wrong with the encoding of `text`.
fn find(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    memchr2_iter(0xC3, 0xEF, bytes).find_map(|at| {
        let rest = bytes.get(at..)?;
        if rest.starts_with("\u{FFFD}".as_bytes()) {
            return Some("a character was lost and replaced by U+FFFD");
        }
        let twice = TWICE_ENCODED.iter().any(|sign| rest.starts_with(sign));
        let (before, rest) = text.split_at_checked(at)?;
        let twice = twice || is_letter(before, rest) || are_letters(rest);
        twice.then_some("UTF-8 text was decoded with another encoding and encoded again")
    })
}

/// Whether `rest` begins with what a Latin letter becomes: `Ã` and a character that cannot continue
/// the word. After capitals, punctuation may follow a genuine `Ã`.
fn is_letter(before: &str, rest: &str) -> bool {
    let mut chars = rest.chars();
    let is_lead = chars.next() == Some('Ã');
    let Some(next) = chars.next().filter(|next| is_lead && is_rest(*next)) else {
        return false;
    };
    let in_capitals = before.chars().next_back().is_some_and(char::is_uppercase);
    !(in_capitals && MARKS.contains(next))
}

/// Whether `rest` begins with what two letters of a non-Latin script become.
fn are_letters(rest: &str) -> bool {
    let mut chars = rest.chars();
    let mut letter = || {
        let lead = chars.next().is_some_and(|lead| LEADS.contains(lead));
        lead && chars.next().is_some_and(is_rest)
    };
    letter() && letter()
}

/// Whether `c` is what a UTF-8 continuation byte becomes.
fn is_rest(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{bf}') || WINDOWS.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn a_text_encoded_twice_is_reported() {
        let row = |answer: &str| format!(r#"{{"input":"a","output":"one two {answer}"}}"#);
        check(&row("cafÃ©s"), &["mojibake"]);
        check(&row("cafés, naïve, São Paulo, «â», SÃO"), &[]);
        check(&row("lost \u{FFFD} here"), &["mojibake"]);
    }

    #[test]
    fn every_latin_letter_encoded_twice_is_found() {
        for c in ('\u{a1}'..='\u{ff}').chain("’“–…€😀".chars()) {
            let mut bytes = [0; 4];
            let read_as_latin1: String =
                c.encode_utf8(&mut bytes).bytes().map(char::from).collect();
            let is_found = find(&read_as_latin1).is_some();
            assert_eq!(is_found, !matches!(c, '€'), "{c}: {read_as_latin1}");
            assert_eq!(find(&format!("a {c} b")), None);
        }
        for text in ["donâ€™t", "â€œso", "Ã‰tat", "ðŸ˜€", "ï»¿a", "Â£5", "CAFÃ‰"]
        {
            assert!(find(text).is_some(), "{text}");
        }
        for text in ["StraÃŸe", "Ãœber", "Ãˆ una cosa", "Ã€ la recherche"] {
            assert!(find(text).is_some(), "{text}");
        }
    }

    #[test]
    fn other_scripts_encoded_twice_are_found() {
        for text in ["ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Ð¼Ð¸Ñ€", "ÎºÎ±Î¹", "Ø§Ù„Ø³"]
        {
            assert!(find(text).is_some(), "{text}");
        }
    }

    #[test]
    fn genuine_letters_are_not_reported() {
        for text in [
            "À la recherche du temps perdu, où l’été s’achève… « Île » — ÇA, NAÏF, ÊTRE",
            "Straße, Über, ÄÖÜ, „Größe“ – Maß…",
            "AMANHÃ… “MAÇÃ”, IRMÃ – IRMÃ’S, NÃO, AVELÃ\u{a0}»",
            "ĐÃ\u{a0}CÓ, Ã, mã, Ðà Nẵng",
            "Það er ÞAÐ, ÐÐ, VEÐ„ GUÐ’ og ÁÐUR",
            "AÑO, ESPAÑA, PIÑ…, ÑANDÚ, ÑÑ",
            "Île, ΑΒΓ, Øl, 5Ø, ØØ",
            "Привет, мир: ÐÑ",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
