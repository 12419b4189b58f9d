//! The answer has fewer words than `output_words_min`.

use crate::{
    example::{Example, Role, Turn},
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
    fix: "write a complete answer, or lower `output_words_min`; labels are recognised by their key, or when a few answers each occur often",
    check: Check::Rows,
};

/// Whether all answers together have fewer than `words_min` words; a function call counts as long.
///
/// This alone rejects nothing: if a few answers repeat over many rows they are labels, which is
/// known only at the end of the file.
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

/// Whether the last answer is data or code rather than prose: then its words do not count. A number
/// is an answer, and so are compact JSON and an address.
pub(crate) fn is_structured(example: &Example<'_>) -> bool {
    let texts = example.turns.last().into_iter().flat_map(Turn::texts);
    let mut texts = texts.filter(|text| !text.is_blank());
    texts.any(|text| {
        let is_sign = |c: char| "{}[]<>=_|^*~`".contains(c);
        let of_number = |c: char| c.is_numeric() || !c.is_alphabetic();
        let plain = text.escaped();
        let is_code = plain.trim_end().ends_with(';')
            || plain.starts_with("    ")
            || plain.starts_with("\\t")
            || matches!(plain.trim(), "true" | "false");
        let is_number = text.chars().any(char::is_numeric) && text.chars().all(of_number);
        is_code || is_number || text.chars().any(is_sign) || text.escaped().contains("//")
    })
}

/// Counts whitespace-separated words up to `max`; in scripts without spaces every character is a
/// word.
fn words(text: &Text<'_>, max: usize) -> usize {
    let escaped = text.escaped().as_bytes();
    // Most answers prove long enough within their first few plain ASCII characters.
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

/// Whether `c` counts as a word: kana, ideographs, and Thai, Lao, Tibetan, Burmese and Khmer.
fn is_word(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::report_on;
    use crate::rules::tests::{check, report_by};

    #[test]
    fn an_answer_needs_three_words() {
        check(r#"{"input":"a","output":"one two"}"#, &["short_output"]);
        check(r#"{"input":"a","output":"one two three"}"#, &[]);
    }

    #[test]
    fn code_and_scripts_without_blanks_are_answers() {
        for answer in ["SELECT 3;", "    return x", "true", "នេះជាចម្លើយ"] {
            let row = serde_json::json!({"input": "a", "output": answer});
            check(&row.to_string(), &[]);
        }
    }

    #[test]
    fn an_answer_under_a_label_key_is_never_short() {
        check(r#"{"text":"a","label":"good"}"#, &[]);
        check(r#"{"text":"a","category":7}"#, &[]);
        check(r#"{"text":"a","answer":"good"}"#, &["unknown_format"]);
    }

    #[test]
    fn short_answers_in_gemini_format_are_kept() {
        let row = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#;
        check(row, &[]);
        let settings = toml::from_str("severities = { short_output = 'reject' }").unwrap();
        let report = report_by(row, &settings);
        assert_eq!(report.codes.get("short_output"), Some(&1));
    }

    #[test]
    fn a_conversation_may_end_with_a_short_answer() {
        let row = |first: &str| {
            format!(
                r#"{{"conversations":[{{"from":"human","value":"a"}},{{"from":"gpt","value":"{first}"}},{{"from":"human","value":"b"}},{{"from":"gpt","value":"Bye!"}}]}}"#
            )
        };
        check(&row("one two three"), &[]);
        check(&row("one"), &["short_output"]);
    }

    #[test]
    fn structured_answers_are_never_short() {
        let row = |answer: &str| format!(r#"{{"input":"a","output":{answer}}}"#);
        for answer in [
            "7",
            "true",
            r#""{\"name\":\"Ada\"}""#,
            r#""[]""#,
            r#""x=y""#,
            r#""https://example.org""#,
            r#"{"name":"Ada"}"#,
            r#""snake_case""#,
            r#""12 %""#,
            r#""$ 1,200.50""#,
        ] {
            let found = report_on(&row(answer)).codes.contains_key(RULE.code);
            assert!(!found, "{answer}");
        }
        for answer in [
            r#""ok""#,
            r#""level 2""#,
            r#""n/a""#,
            r#""It is.""#,
            r#""…""#,
        ] {
            assert!(
                report_on(&row(answer)).codes.contains_key(RULE.code),
                "{answer}"
            );
        }
    }

    #[test]
    fn short_answers_are_kept_where_most_are_short() {
        let row = |n: u8| {
            format!(
                "{{\"question\":\"Where is city {n}?\",\"answer\":\"{}\"}}\n",
                char::from(b'a' + n % 26)
                    .to_string()
                    .repeat(usize::from(n / 26) + 1)
            )
        };
        let (few, many) = ((0..10).map(row), (0..60).map(row));
        assert_eq!(report_on(&few.collect::<String>()).rows.rejected, 10);
        let report = report_on(&many.collect::<String>());
        assert_eq!(report.rows.rejected, 0, "{:?}", report.codes);
        assert_eq!(report.codes["short_outputs_overall"], 1);
    }

    #[test]
    fn languages_without_spaces_are_counted_by_character() {
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
