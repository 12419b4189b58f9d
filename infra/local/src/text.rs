//! Figures and words as people read them.

use chrono::TimeDelta;
use shared::curve::Point;

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 row`, `2 rows`.
pub(crate) fn things(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// US dollars: cents, and more digits where cents would show nothing.
pub(crate) fn usd(amount: f64) -> String {
    if amount.abs() >= 0.1 || amount == 0.0 {
        format!("${amount:.2}")
    } else {
        format!("${amount:.4}")
    }
}

/// A loss: `–` where there is none, and a word where it was not a number.
pub(crate) fn loss(point: Option<Point>) -> String {
    match point.map(|point| point.loss) {
        None => "–".to_owned(),
        Some(None) => "not a number".to_owned(),
        Some(Some(loss)) => format!("{loss:.3}"),
    }
}

/// A stretch of time in its two largest units: `2 h 5 min`, `3 min 20 s`, `7 s`.
pub(crate) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        (_, _) => format!("{hours} h {minutes} min"),
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
    fn figures_read_well() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(things(1, "row"), "1 row");
        assert_eq!(things(2_000, "row"), "2,000 rows");
        assert_eq!(usd(12.3), "$12.30");
        assert_eq!(usd(0.0123), "$0.0123");
        assert_eq!(usd(0.0), "$0.00");
        assert_eq!(loss(None), "–");
        let point = |loss| Some(Point { step: 1, loss });
        assert_eq!(loss(point(None)), "not a number");
        assert_eq!(loss(point(Some(1.23456))), "1.235");
    }

    #[test]
    fn a_stretch_of_time_has_two_units() {
        #[track_caller]
        fn check(seconds: i64, expected: &str) {
            assert_eq!(span(TimeDelta::seconds(seconds)), expected, "{seconds}");
        }
        check(-1, "0 s");
        check(7, "7 s");
        check(200, "3 min 20 s");
        check(7_500, "2 h 5 min");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("a\n b\u{1b}[31m c", 20), "a b [31m c");
        assert_eq!(line("aé bc def", 6), "aé bc…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
    }
}
