//! The words of an answer as SQuAD's scorer compares them.
//!
//! Source: Rajpurkar et al., "Know what you don't know: unanswerable questions for SQuAD", 2018,
//! `evaluate-v2.0.py`: lower case, without ASCII punctuation, without the articles `a`, `an`, `the`,
//! white space as one space.

use std::sync::LazyLock;

use regex::Regex;

use super::characters::is_python_punctuation;

/// The text in lower case, without punctuation and articles.
pub(crate) fn normalised(text: &str) -> String {
    /// Words as Python's `\b` delimits them.
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]+").ok());
    let lower = text.to_lowercase();
    let plain: String = lower
        .chars()
        .filter(|it| !is_python_punctuation(*it))
        .collect();
    let Some(word) = WORD.as_ref() else {
        return plain;
    };
    let without = word.replace_all(&plain, |found: &regex::Captures<'_>| {
        match found.get(0).map_or("", |word| word.as_str()) {
            "a" | "an" | "the" => " ".to_owned(),
            word => word.to_owned(),
        }
    });
    without.into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn articles_and_punctuation_are_left_out() {
        let words = |text| {
            let plain = super::normalised(text);
            plain.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("The U.S.A., an éa theme"), "usa éa theme");
        assert_eq!(words("a_the"), "athe");
    }
}
