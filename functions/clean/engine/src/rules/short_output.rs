//! The answer has fewer words than `output_words_min`.

use crate::{
    example::{Example, Role},
    json::{Text, blank},
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "short_output",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the answer has fewer words than `output_words_min`",
    fix: "write a whole answer, or lower `output_words_min`; labels are recognised by their key, or where there are few and each comes often",
    check: Check::Rows,
};

/// Whether all that the model says is fewer than `words_min` words; calling a function says much.
///
/// That alone rejects nothing: where few answers repeat over many rows they are labels, which
/// only the whole file tells.
pub(crate) fn is_short(example: &Example<'_>, words_min: u32) -> bool {
    let words_min = usize::try_from(words_min).unwrap_or(usize::MAX);
    let mut counted = 0;
    for turn in example.turns.iter().filter(|turn| turn.role == Role::Model) {
        if turn.texts().count() < turn.parts.len() {
            return false;
        }
        for text in turn.texts() {
            counted += words(text, words_min - counted);
            if counted >= words_min {
                return false;
            }
        }
    }
    true
}

/// Words as separated by blanks, counted up to `max`; in scripts without blanks every character
/// is one.
fn words(text: &Text<'_>, max: usize) -> usize {
    let escaped = text.escaped().as_bytes();
    // Most answers show that they are long enough within a few plain letters.
    let plain = |byte: &&u8| byte.is_ascii() && **byte != b'\\';
    let (mut counted, mut in_word) = (0, false);
    for byte in escaped.iter().take_while(plain) {
        counted += usize::from(*byte != b' ' && !in_word);
        in_word = *byte != b' ';
        if counted >= max {
            return counted;
        }
    }
    (counted, in_word) = (0, false);
    for c in text.chars() {
        if counted >= max {
            break;
        }
        let visible = !blank(c);
        counted += usize::from(visible && (is_word(c) || !in_word));
        in_word = visible;
    }
    counted
}

/// Kana, ideographs, and Thai and its neighbours.
fn is_word(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::{check, report_by};

    #[test]
    fn an_answer_needs_three_words() {
        check(r#"{"input":"a","output":"one two"}"#, &["short_output"]);
        check(r#"{"input":"a","output":"one two three"}"#, &[]);
    }

    #[test]
    fn what_is_called_a_label_is_one_however_few_there_are() {
        check(r#"{"text":"a","label":"good"}"#, &[]);
        check(r#"{"text":"a","category":7}"#, &[]);
        check(r#"{"text":"a","answer":"good"}"#, &["unknown_format"]);
    }

    #[test]
    fn rows_of_geminis_may_be_as_short_as_they_are() {
        let row = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#;
        check(row, &[]);
        let settings = toml::from_str("severities = { short_output = 'reject' }").unwrap();
        let report = report_by(row, &settings);
        assert_eq!(report.codes.get("short_output"), Some(&1));
    }

    #[test]
    fn a_conversation_may_end_on_a_short_note() {
        let row = |first: &str| {
            format!(
                r#"{{"conversations":[{{"from":"human","value":"a"}},{{"from":"gpt","value":"{first}"}},{{"from":"human","value":"b"}},{{"from":"gpt","value":"Bye!"}}]}}"#
            )
        };
        check(&row("one two three"), &[]);
        check(&row("one"), &["short_output"]);
    }

    #[test]
    fn languages_without_blanks_are_counted_by_character() {
        for (text, expected) in [
            ("one two  three", 3),
            ("你好世界", 4),
            ("はい ok", 3),
            ("…", 1),
            ("", 0),
            ("one two three four five six", 5),
        ] {
            assert_eq!(words(&Text::of(text), 5), expected, "{text}");
        }
    }
}
