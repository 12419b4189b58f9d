//! What a single reference looks like.

use std::sync::LazyLock;

use regex::Regex;

/// The most characters and words of a label.
const LABEL_CHARACTERS_MAX: usize = 60;
const LABEL_WORDS_MAX: usize = 6;

/// Whether the reference ends in a number that is its answer: the whole text, a last line such as
/// `#### 18`, `A: 18` or `The answer is $18.50.`, or `\boxed{18}`.
pub(super) fn is_numeric_answer(reference: &str) -> bool {
    static ANSWER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let number = r"[-−]?\s?\p{Sc}?\s?[-−]?\d[\d,]*(?:\.\d+)?\s?%?";
        let marker = r"####|[^\d\n]{0,40}(?::|=|\bis)";
        let boxed = format!(r"\\boxed\{{{number}\}}[.$\s]*");
        Regex::new(&format!(r"^(?:\s*(?:{marker})?\s*{number}\.?|.*{boxed})$")).ok()
    });
    let last = reference.lines().rev().find(|line| !line.trim().is_empty());
    let answer = ANSWER.as_ref();
    last.is_some_and(|line| answer.is_some_and(|answer| answer.is_match(line.trim())))
}

/// Whether the reference is short enough for a label, on one line, and not a sentence.
pub(super) fn is_label_like(reference: &str) -> bool {
    let label = reference.trim();
    !label.is_empty()
        && label.lines().count() == 1
        && label.chars().count() <= LABEL_CHARACTERS_MAX
        && label.split_whitespace().count() <= LABEL_WORDS_MAX
}

/// Whether ROUGE can read it, which sees `[a-z0-9]` only: on Russian or Japanese it scores any answer of
/// either model 0, and two zeros would count as "not worse".
pub(super) fn is_legible(reference: &str) -> bool {
    let letters = reference.chars().filter(|letter| letter.is_alphanumeric());
    let ascii = letters.clone().filter(char::is_ascii).count();
    ascii > 0 && ascii * 2 >= letters.count()
}

/// Whether it has letters of any script.
pub(super) fn is_written(reference: &str) -> bool {
    reference.chars().any(char::is_alphanumeric)
}
