//! The content of a JSON string as written in the row.
//!
//! Texts stay escaped from the row to the output file: most of cleaning is copying them. Every text
//! has exactly one escaped form, so equal texts are equal bytes, whichever tool wrote them.

use std::{borrow::Cow, ops::Range};

use memchr::memchr;

use super::scan::Stops;

/// A text, escaped in the way of [`Text::of`]; borrows from the row if the row is escaped that way
/// too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text with the content `escaped`, which must be escaped in the one canonical way.
    pub(super) fn from_escaped(escaped: impl Into<Cow<'a, str>>) -> Self {
        Self(escaped.into())
    }

    /// Escapes `plain`: only what JSON requires, in the shortest form.
    pub(crate) fn of(plain: &str) -> Text<'static> {
        let stops = Stops::of_plain(plain);
        // JSON within a string has a quote about every ten bytes.
        let mut escaped = String::with_capacity(plain.len() + plain.len() / 8);
        let mut from = 0;
        while let Some(at) = stops.next(from) {
            let (before, rest) = plain.split_at_checked(at).unwrap_or((plain, ""));
            escaped.push_str(before.get(from..).unwrap_or_default());
            rest.chars()
                .take(1)
                .for_each(|c| push_escaped(c, &mut escaped));
            from = at + 1;
        }
        escaped.push_str(plain.get(from..).unwrap_or_default());
        Text(Cow::Owned(escaped))
    }

    /// The text as written between quotes.
    pub(crate) fn escaped(&self) -> &str {
        &self.0
    }

    /// The unescaped text.
    pub(crate) fn plain(&self) -> Cow<'_, str> {
        if memchr(b'\\', self.0.as_bytes()).is_none() {
            return Cow::Borrowed(&self.0);
        }
        Cow::Owned(self.chars().collect())
    }

    /// The unescaped characters.
    pub(crate) fn chars(&self) -> Chars<'_> {
        Chars { rest: &self.0 }
    }

    /// Whether there is no character.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is only whitespace.
    pub(crate) fn is_blank(&self) -> bool {
        self.chars().all(blank)
    }

    /// Removes leading whitespace; returns whether there was any.
    pub(crate) fn trim_start(&mut self) -> bool {
        let length = blanks_at_start(&self.0);
        if length > 0 {
            self.cut(length, self.0.len());
        }
        length > 0
    }

    /// Removes leading whitespace, except the indentation of the first line of code, where it is part
    /// of what is said. Returns whether there was any.
    pub(crate) fn trim_start_lines(&mut self) -> bool {
        let mut length = blanks_at_start(&self.0);
        // Nearly all texts end here: whether they are code is not asked.
        if length == 0 {
            return false;
        }
        let (blank, rest) = self.0.split_at_checked(length).unwrap_or_default();
        if is_code(rest) {
            length -= indentation(blank);
        }
        if length > 0 {
            self.cut(length, self.0.len());
        }
        length > 0
    }

    /// Removes trailing whitespace; returns whether there was any.
    pub(crate) fn trim_end(&mut self) -> bool {
        let length = self.0.len() - blanks_at_end(&self.0);
        let changed = length < self.0.len();
        if changed {
            self.cut(0, length);
        }
        changed
    }

    /// Joins `parts` with `between`.
    pub(crate) fn join(parts: &[Self], between: &str) -> Self {
        let between = Self::of(between);
        let parts: Vec<&str> = parts.iter().map(Self::escaped).collect();
        Self(Cow::Owned(parts.join(between.escaped())))
    }

    /// Replaces some ranges, which are in order and split no escape, by words that need no
    /// escaping.
    pub(crate) fn replace<'w>(&mut self, ranges: impl Iterator<Item = (Range<usize>, &'w str)>) {
        let (mut replaced, mut from) = (String::new(), 0);
        for (range, words) in ranges {
            replaced.push_str(self.0.get(from..range.start).unwrap_or_default());
            replaced.push_str(words);
            from = range.end;
        }
        if from > 0 {
            replaced.push_str(self.0.get(from..).unwrap_or_default());
            self.0 = Cow::Owned(replaced);
        }
    }

    /// A copy that borrows nothing.
    pub(crate) fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }

    fn cut(&mut self, from: usize, to: usize) {
        match &mut self.0 {
            Cow::Borrowed(text) => *text = text.get(from..to).unwrap_or_default(),
            Cow::Owned(text) => {
                text.truncate(to);
                text.drain(..from);
            }
        }
    }
}

/// The characters of an escaped text.
#[derive(Debug, Clone)]
pub(crate) struct Chars<'t> {
    rest: &'t str,
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let (char, length) = first_char(self.rest)?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Some(char)
    }
}

/// Whether `c` counts as whitespace: Unicode's white space, the separators that Python's `strip`
/// removes too (U+001C to U+001F), and the byte order mark, which copying from files leaves behind.
pub(crate) fn blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}' | '\u{feff}')
}

/// Appends `c`, escaped if necessary.
#[inline]
pub(super) fn push_escaped(c: char, out: &mut String) {
    match c {
        '\u{80}'.. => out.push(c),
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\0'..' ' => {
            out.push_str("\\u00");
            let code = u32::from(c);
            out.extend(
                [code >> 4, code & 0xF].map(|digit| char::from_digit(digit, 16).unwrap_or('0')),
            );
        }
        plain => out.push(plain),
    }
}

/// The first unescaped character of `escaped`, and its length in escaped form.
fn first_char(escaped: &str) -> Option<(char, usize)> {
    let first = escaped.chars().next()?;
    if first != '\\' {
        return Some((first, first.len_utf8()));
    }
    let char = match escaped.as_bytes().get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let code = u32::from_str_radix(escaped.get(2..6)?, 16).ok()?;
            return Some((char::from_u32(code)?, 6));
        }
        plain => char::from(*plain),
    };
    Some((char, 2))
}

fn blanks_at_start(escaped: &str) -> usize {
    let mut length = 0;
    while let Some((char, written)) = first_char(escaped.get(length..).unwrap_or_default()) {
        if !blank(char) {
            break;
        }
        length += written;
    }
    length
}

/// Whether a text, which is escaped and starts with no whitespace, looks like code or a list rather
/// than prose: by the signs of its first line, its first word, or a further line that is indented.
fn is_code(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "return", "pass", "break", "continue", "else", "try", "raise", "yield", "throw", "import",
        "end", "begin", "done", "fi", "def", "class", "let", "var", "const", "print",
    ];
    let line = text.split("\\n").next().unwrap_or_default();
    let word = line.split(' ').next().unwrap_or_default();
    line.contains(|c| "(){}[]=<>;+*|&^$#@_`".contains(c))
        || line.starts_with("- ")
        || WORDS.contains(&word.trim_end_matches(':'))
        || text.contains("\\n  ")
        || text.contains("\\n\\t")
}

/// The length of the indentation at the end of `blank`, which is whitespace: two or more spaces, or
/// a tab, on a line of their own. One space is what older exports put before every answer.
fn indentation(blank: &str) -> usize {
    let mut rest = blank;
    while let Some(before) = rest.strip_suffix(' ').or_else(|| rest.strip_suffix("\\t")) {
        rest = before;
    }
    let starts_line = rest.is_empty() || rest.ends_with("\\n") || rest.ends_with("\\r");
    let length = blank.len() - rest.len();
    if starts_line && length >= 2 {
        length
    } else {
        0
    }
}

fn blanks_at_end(escaped: &str) -> usize {
    let mut rest = escaped;
    while let Some((char, written)) = last_char(rest) {
        if !blank(char) {
            break;
        }
        rest = rest.get(..rest.len() - written).unwrap_or_default();
    }
    escaped.len() - rest.len()
}

/// The last unescaped character of `escaped`, and its length in escaped form.
fn last_char(escaped: &str) -> Option<(char, usize)> {
    let last = escaped.chars().next_back()?;
    // An escape at the end has one of these lengths; `\n` is an escape unless its backslash is
    // escaped.
    for length in [2, 6] {
        let start = escaped.len().checked_sub(length);
        let Some(tail) = start.and_then(|start| escaped.get(start..)) else {
            break;
        };
        let is_escape = tail.starts_with('\\') && (length == 2 || tail.starts_with("\\u"));
        if is_escape {
            let before = escaped.get(..escaped.len() - length).unwrap_or_default();
            let backslashes = before.bytes().rev().take_while(|b| *b == b'\\').count();
            if backslashes.is_multiple_of(2) {
                return first_char(tail);
            }
        }
    }
    Some((last, last.len_utf8()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(plain: &str, escaped: &str) {
        let text = Text::of(plain);
        assert_eq!(text.escaped(), escaped);
        assert_eq!(text.plain(), plain);
    }

    #[test]
    fn only_required_characters_are_escaped() {
        check("", "");
        check("a/b é 😀 \u{7f}", "a/b é 😀 \u{7f}");
        check("\"\\\n\r\t", "\\\"\\\\\\n\\r\\t");
        check("\u{8}\u{c}\u{0}\u{1f}", "\\b\\f\\u0000\\u001f");
    }

    #[track_caller]
    fn check_trimmed(plain: &str, trimmed: &str) {
        let mut text = Text::of(plain);
        let changed = text.trim_start() | text.trim_end();
        assert_eq!(text.plain(), trimmed, "{plain:?}");
        assert_eq!(changed, plain != trimmed, "{plain:?}");
    }

    #[test]
    fn escaped_whitespace_is_recognised() {
        check_trimmed(" \n\ta\u{b}\u{1f} ", "a");
        check_trimmed("a\\n", "a\\n");
        check_trimmed("a\\\n", "a\\");
        check_trimmed("\u{8}", "\u{8}");
        check_trimmed("\\u001f", "\\u001f");
        check_trimmed("\u{feff}\u{3000}", "");
    }

    #[test]
    fn the_indentation_of_the_first_line_stays() {
        for (plain, trimmed) in [
            ("    return a", "    return a"),
            ("\treturn a", "\treturn a"),
            ("\n\n    return a", "    return a"),
            ("  x = 1", "  x = 1"),
            ("  - one\n  - two", "  - one\n  - two"),
            ("  My order has not come", "My order has not come"),
            (" \n  return a", "  return a"),
            (" a", "a"),
            ("\n a", "a"),
            ("\u{feff}  a", "a"),
            ("    ", ""),
        ] {
            let mut text = Text::of(plain);
            assert_eq!(text.trim_start_lines(), plain != trimmed, "{plain:?}");
            assert_eq!(text.plain(), trimmed, "{plain:?}");
            assert!(!text.trim_start_lines(), "{plain:?} is trimmed twice");
        }
    }

    proptest! {
        #[test]
        fn escaping_and_unescaping_is_the_identity(plain in r#"[\\nu01fé"\n\t\u{1f}\u{3000} a]{0,12}"#) {
            let mut text = Text::of(&plain);
            prop_assert_eq!(text.plain(), plain.as_str());
            let quoted = format!("\"{}\"", text.escaped());
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), plain.as_str());
            text.trim_start();
            text.trim_end();
            prop_assert_eq!(text.plain(), plain.trim_matches(blank));
        }
    }
}
