//! How BLEU splits words: the tokeniser `13a` of `sacrebleu`, originally NIST's `mteval-v13a.pl`.
//!
//! The expressions and their order are the definition, oddities included: `1...2` leaves a word `.2`, because matches do not
//! overlap; `&amp;lt;` becomes `<`, because entities are replaced one after another; a hyphen at the very end stays, because the
//! text is stripped before hyphens are joined.

use std::sync::LazyLock;

use regex::Regex;

/// The text with a space after every word.
pub(super) fn prepare(text: &str) -> String {
    let text = text
        .trim_end_matches(is_space)
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mut text = format!(" {text} ");
    for (pattern, replacement) in &*STEPS {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

/// The words of a prepared text.
pub(super) fn split(prepared: &str) -> impl Iterator<Item = &str> {
    prepared.split(is_space).filter(|word| !word.is_empty())
}

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and every test here compiles them"
)]
static STEPS: LazyLock<[(Regex, &'static str); 4]> = LazyLock::new(|| {
    [
        // Punctuation is a word of its own, except the stop, the comma, the hyphen and the apostrophe.
        (r"([\{-\~\[-\` -\&\(-\+\:-\@/])", " $1 "),
        // Stop and comma, unless a digit precedes them.
        (r"([^0-9])([.,])", "$1 $2 "),
        // Stop and comma, unless a digit follows them.
        (r"([.,])([^0-9])", " $1 $2"),
        // The hyphen after a digit.
        (r"([0-9])(-)", "$1 $2 "),
    ]
    .map(|(pattern, replacement)| {
        (
            Regex::new(pattern).expect("a constant pattern"),
            replacement,
        )
    })
});

/// Python's `str.isspace`: Unicode's whitespace and the four information separators.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::golden;

    #[test]
    fn words_are_those_of_sacrebleu() {
        for row in golden::golden().rows {
            let prepared = prepare(&row.prediction);
            assert_eq!(
                split(&prepared).collect::<Vec<_>>(),
                row.tokens_13a,
                "{:?}",
                row.prediction
            );
        }
    }
}
