//! Figures and words as people read them.

use shared::curve::Point;
pub(crate) use shared::quantity::{count, span, things, usd};

/// A loss: `–` where there is none, and a word where it was not a number.
pub(crate) fn loss(point: Option<Point>) -> String {
    match point.map(|point| point.loss) {
        None => "–".to_owned(),
        Some(None) => "not a number".to_owned(),
        Some(Some(loss)) => format!("{loss:.3}"),
    }
}

/// One line of at most `chars_max` characters; control characters become spaces.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let joined = words.join(" ");
    if joined.chars().count() <= chars_max {
        return joined;
    }
    let mut cut: String = joined.chars().take(chars_max.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// The text in lines of at most `width` characters, broken between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in text.split_whitespace() {
        let together = current.chars().count() + 1 + word.chars().count();
        if !current.is_empty() && together > width {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_reads_well() {
        assert_eq!(loss(None), "–");
        let point = |loss| Some(Point { step: 1, loss });
        assert_eq!(loss(point(None)), "not a number");
        assert_eq!(loss(point(Some(1.23456))), "1.235");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("a\n b\u{1b}[31m c", 20), "a b [31m c");
        assert_eq!(line("aé bc def", 6), "aé bc…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
    }
}
