//! The tokens of source code of any language: identifiers and numbers, and each other sign by itself.
//! White space is left out, so that neither indentation nor line breaks count.

use std::sync::LazyLock;

use regex::Regex;

use super::fence::unfenced;

/// The tokens of `text`, or of its first Markdown block.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    static TOKEN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s\x1c-\x1f]").ok());
    let pattern = TOKEN.as_ref();
    let matches = pattern.map(|pattern| pattern.find_iter(unfenced(text)));
    matches.into_iter().flatten().map(|found| found.as_str())
}

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_are_identifiers_numbers_and_signs() {
        let tokens: Vec<&str> = super::tokens("```rust\nlet x_1 =\n  a+=42;\n```").collect();
        assert_eq!(tokens, ["let", "x_1", "=", "a", "+", "=", "42", ";"]);
    }
}
