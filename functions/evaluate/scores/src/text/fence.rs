//! Markdown fences around an answer, which models add to JSON and code.

/// The text inside the first fenced block (```` ``` ````, with or without the name of a language), or
/// the whole text where there is none. A block that is not closed, such as that of a truncated answer,
/// ends with the text.
pub(crate) fn unfenced(text: &str) -> &str {
    let opening = |line: &str| line.trim_start().starts_with("```");
    let mut at = 0;
    let mut inside = None;
    for line in text.split_inclusive('\n') {
        match inside {
            None if opening(line) => inside = Some(at + line.len()),
            Some(start) if line.trim() == "```" => {
                return text.get(start..at).unwrap_or_default();
            }
            None | Some(_) => {}
        }
        at += line.len();
    }
    inside.and_then(|start| text.get(start..)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_is_read() {
        assert_eq!(unfenced("plain"), "plain");
        assert_eq!(unfenced("```json\n{}\n```"), "{}\n");
        assert_eq!(
            unfenced("Here it is:\n```\na\nb\n```\nBye\n```\nc\n```"),
            "a\nb\n"
        );
        assert_eq!(
            unfenced("  ```rust\r\nfn a() {}\r\n  ```  \r\n"),
            "fn a() {}\r\n"
        );
        assert_eq!(unfenced("```\ncut"), "cut");
        assert_eq!(unfenced("```"), "");
        assert_eq!(unfenced("a ``` b"), "a ``` b");
    }
}
