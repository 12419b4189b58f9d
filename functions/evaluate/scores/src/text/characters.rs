//! Characters as Python classifies them, since the reference implementations are written in it.

/// Whether Python's `str.isspace` holds: Unicode's white space, and the four separators U+001C to
/// U+001F that Rust leaves out.
pub(crate) fn is_python_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// The words between white space, as Python's `str.split()`.
pub(crate) fn python_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_python_space).filter(|word| !word.is_empty())
}

/// Python's `string.punctuation`.
pub(crate) fn is_python_punctuation(character: char) -> bool {
    character.is_ascii_punctuation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_python() {
        let text = "\u{1c}a\u{1d}b\u{a0}c\u{3000}d\u{85}e\u{200b}f ";
        let words: Vec<&str> = python_words(text).collect();
        assert_eq!(words, ["a", "b", "c", "d", "e\u{200b}f"]);
        assert!(is_python_punctuation('_') && !is_python_punctuation('…'));
    }
}
