//! The words of chrF++, as sacreBLEU splits them: one punctuation mark at the end of a word, or else one
//! at its start, is a word of its own.
//!
//! Source: Popović, "chrF++: words helping character n-grams", 2017; `sacrebleu.metrics.chrf`.

use super::characters::{is_python_punctuation, python_words};

/// The words of `text`.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    python_words(text).flat_map(|word| {
        let (one, other) = split(word);
        std::iter::once(one).chain(other)
    })
}

fn split(word: &str) -> (&str, Option<&str>) {
    let last = word.char_indices().next_back();
    let first = word.chars().next();
    match (first, last) {
        (Some(_), Some((at, mark))) if at > 0 && is_python_punctuation(mark) => {
            let (word, mark) = word.split_at(at);
            (word, Some(mark))
        }
        (Some(mark), Some((at, _))) if at > 0 && is_python_punctuation(mark) => {
            let (mark, word) = word.split_at(mark.len_utf8());
            (mark, Some(word))
        }
        _ => (word, None),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_mark_at_one_end_is_apart() {
        let words: Vec<&str> = super::words("(hi) 'quote , a.b é! \"").collect();
        assert_eq!(
            words,
            ["(hi", ")", "'", "quote", ",", "a.b", "é", "!", "\""]
        );
    }
}
