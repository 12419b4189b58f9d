//! BLEU's tokens `intl`: punctuation is apart unless it is between digits, symbols always.
//!
//! Source: `mteval-v14.pl`; `sacrebleu.tokenizers.tokenizer_intl`.

use std::sync::LazyLock;

use regex::Regex;

/// In order: what is looked for, and what replaces it.
const REPLACEMENTS: [(&str, &str); 3] = [
    (r"(\P{N})(\p{P})", "$1 $2 "),
    (r"(\p{P})(\P{N})", " $1 $2"),
    (r"(\p{S})", " $1 "),
];

/// The text with white space between its tokens.
pub(super) fn spaced(text: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let compiled = REPLACEMENTS.iter();
        compiled
            .filter_map(|(pattern, with)| {
                Some((Regex::new(&format!("(?s){pattern}")).ok()?, *with))
            })
            .collect()
    });
    let text = text.trim_end_matches(super::characters::is_python_space);
    PATTERNS
        .iter()
        .fold(text.to_owned(), |text, (pattern, with)| {
            pattern.replace_all(&text, *with).into_owned()
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn punctuation_between_digits_is_not_apart() {
        let spaced = super::spaced("Cost: 1,234.5€, «ok». 5");
        let tokens: Vec<&str> = spaced.split_whitespace().collect();
        assert_eq!(
            tokens,
            ["Cost", ":", "1,234.5", "€", ",", "«", "ok", "»", ".", "5"]
        );
    }
}
