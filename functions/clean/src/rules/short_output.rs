//! The answer has fewer words than `output_words_min`.

use super::{Check, Rule};
use crate::{Severity, example::Example};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "short_output",
    severity: Severity::Reject,
    binding: false,
    doc: "the answer has fewer words than `output_words_min`",
    fix: "write a whole answer, or lower `output_words_min`; labels are recognised when there are enough of them",
    check: Check::Rows,
};

/// Whether the example's last turn is a text of fewer than `words_min` words.
///
/// That alone rejects nothing: where few answers repeat over many rows they are labels, which
/// only the whole file tells.
pub(crate) fn is_short(example: &Example<'_>, words_min: u32) -> bool {
    let Some(last) = example.turns.last() else {
        return false;
    };
    let all_text = last.texts().count() == last.parts.len();
    let words_min = usize::try_from(words_min).unwrap_or(usize::MAX);
    let counted = last.texts().try_fold(0_usize, |before, text| {
        let now = before + words(text);
        (now < words_min).then_some(now)
    });
    all_text && counted.is_some()
}

/// Words as separated by blanks; in scripts without blanks every character is one.
fn words(text: &str) -> usize {
    let characters = |word: &str| word.chars().filter(|c| is_wordlike(*c)).count();
    text.split_whitespace()
        .map(|word| {
            if word.is_ascii() {
                1
            } else {
                characters(word).max(1)
            }
        })
        .sum()
}

/// Kana, ideographs, and Thai and its neighbours.
fn is_wordlike(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn an_answer_needs_three_words() {
        check(r#"{"input":"a","output":"one two"}"#, &["short_output"]);
        check(r#"{"input":"a","output":"one two three"}"#, &[]);
    }

    #[test]
    fn languages_without_blanks_are_counted_by_character() {
        assert_eq!(words("one two  three"), 3);
        assert_eq!(words("你好世界"), 4);
        assert_eq!(words("はい ok"), 3);
        assert_eq!(words(""), 0);
    }
}
