//! Reads one JSON value, strictly by RFC 8259, and reports the offset of a fault.

use std::{borrow::Cow, collections::HashMap};

use super::{
    DEPTH_MAX, Node, Object, SyntaxError, SyntaxErrorKind, Text, Value, scan::Stops,
    text::push_escaped,
};
use crate::byte_classes::ByteClasses;

/// Up to this many members, repeated keys are found pair by pair; beyond, by hashing.
const PAIRWISE_MAX: usize = 16;

/// Members for which an object initially reserves space.
const MEMBERS_USUAL: usize = 4;

/// A value, and what was unusual about it.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    /// The value.
    pub(crate) node: Node<'a>,
    /// Positions of keys that their object already had.
    pub(crate) repeats: Vec<u32>,
    /// The byte classes within its texts.
    pub(crate) byte_classes: ByteClasses,
}

/// Reads `text`, which is one JSON value with whitespace around it.
///
/// If an object has a key twice, the last value wins, as in Python and JavaScript.
///
/// # Errors
/// [`SyntaxError`], with the offset.
pub(crate) fn parse(text: &str) -> Result<Parsed<'_>, SyntaxError> {
    let (stops, byte_classes) = Stops::of_json(text);
    let mut parser = Parser {
        text,
        at: 0,
        stops,
        repeats: Vec::new(),
        byte_classes,
    };
    let node = parser.value(0)?;
    parser.blanks();
    match parser.peek() {
        None => Ok(Parsed {
            node,
            repeats: parser.repeats,
            byte_classes: parser.byte_classes,
        }),
        Some(b'{') => Err(parser.error("expected the end of the row, found a second JSON value")),
        Some(_) => Err(parser.error("expected the end of the row, found more text")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    stops: Stops,
    repeats: Vec<u32>,
    byte_classes: ByteClasses,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, SyntaxError> {
        self.blanks();
        let at = offset(self.at);
        let value = match self.peek() {
            Some(b'"') => Value::Text(self.string()?),
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.list(depth + 1)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'N' | b'I') => return Err(self.error("NaN and Infinity are not valid JSON")),
            Some(b'\'') => {
                return Err(self.error("single quotes are not valid JSON: use double quotes"));
            }
            Some(b'/' | b'#') => return Err(self.error("comments are not valid JSON")),
            Some(b'}' | b']') => {
                return Err(self.error("expected a value, found a closing bracket"));
            }
            Some(_) => return Err(self.error("expected a JSON value")),
            None => return Err(self.error("the JSON value ends early")),
        };
        Ok(Node { at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, SyntaxError> {
        self.descend(depth)?;
        self.blanks();
        if self.eat(b'}') {
            return Ok(Value::Object(Object::default()));
        }
        let mut members = Vec::with_capacity(MEMBERS_USUAL);
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => {}
                Some(b'}') => return Err(self.error("trailing comma before the closing bracket")),
                Some(_) => return Err(self.error("expected a key in double quotes")),
                None => return Err(self.error("the JSON value ends early")),
            }
            let key = self.key()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.error("expected `:` after a key"));
            }
            members.push((key, self.value(depth)?));
            self.blanks();
            if self.eat(b'}') {
                break;
            }
            if !self.eat(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
        self.drop_repeats(&mut members);
        Ok(Value::Object(Object { members }))
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, SyntaxError> {
        self.descend(depth)?;
        let mut nodes = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Value::List(nodes));
        }
        loop {
            nodes.push(self.value(depth)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Value::List(nodes));
            }
            if !self.eat(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let start = self.at + 1;
        let key = self.string()?;
        let written = self.text.get(start..self.at - 1).unwrap_or_default();
        if written.contains('\\') {
            return Ok(Cow::Owned(key.plain().into_owned()));
        }
        Ok(Cow::Borrowed(written))
    }

    fn string(&mut self) -> Result<Text<'a>, SyntaxError> {
        let opened = self.at;
        self.at += 1;
        let mut start = self.at;
        // Used only if the row escapes differently than this engine does.
        let mut rewritten: Option<String> = None;
        let closed = loop {
            let stop = self.stops.next(self.at);
            let byte = stop.and_then(|stop| Some((stop, *self.text.as_bytes().get(stop)?)));
            match byte {
                Some((stop, b'"')) => break stop,
                Some((stop, 0..b' ')) if !self.is_escaped(stop) => {
                    self.at = stop;
                    return Err(self.error(
                        "unescaped control character in a string: write it as `\\n`, `\\t` or `\\u…`",
                    ));
                }
                Some((stop, _)) => {
                    let backslash = stop - 1;
                    self.at = backslash;
                    let char = self.escape()?;
                    if rewritten.is_none() && self.is_written_so(backslash, char) {
                        self.byte_classes |= ByteClasses::of_char(char);
                        continue;
                    }
                    // Reserve the longest possible length: the buffer lives only as long as the
                    // row.
                    let length = self.text.len() - start;
                    let text = rewritten.get_or_insert_with(|| String::with_capacity(length));
                    text.push_str(self.text.get(start..backslash).unwrap_or_default());
                    self.rewrite(char, text)?;
                    start = self.at;
                }
                None => {
                    self.at = opened;
                    return Err(self.error("the string is never closed"));
                }
            }
        };
        let rest = self.text.get(start..closed).unwrap_or_default();
        self.at = closed + 1;
        Ok(match rewritten {
            None => Text::from_escaped(rest),
            Some(mut text) => {
                text.push_str(rest);
                Text::from_escaped(text)
            }
        })
    }

    /// Adds an escaped character, and any numeric escapes that directly follow it: where one letter
    /// is escaped, most are.
    fn rewrite(&mut self, mut char: char, text: &mut String) -> Result<(), SyntaxError> {
        loop {
            self.byte_classes |= ByteClasses::of_char(char);
            push_escaped(char, text);
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            if !rest.starts_with(b"\\u") {
                return Ok(());
            }
            char = self.escape()?;
        }
    }

    /// Whether the byte at `at` is preceded by an escaping backslash.
    fn is_escaped(&self, at: usize) -> bool {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
        !backslashes.count().is_multiple_of(2)
    }

    /// Whether the escape from `start` to here is the one that this engine would write for `char`.
    fn is_written_so(&self, start: usize, char: char) -> bool {
        if char >= ' ' {
            return false;
        }
        let mut ours = String::new();
        push_escaped(char, &mut ours);
        self.text.get(start..self.at) == Some(ours.as_str())
    }

    /// Reads the escape that starts here.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let unit = self.hex(start)?;
                let Some(char) = char::from_u32(unit) else {
                    return self.pair(unit, start);
                };
                char
            }
            Some(_) | None => {
                self.at = start;
                return Err(self.error("unknown escape"));
            }
        })
    }

    /// Reads the low surrogate of a pair whose high surrogate is `high`.
    fn pair(&mut self, high: u32, start: usize) -> Result<char, SyntaxError> {
        if (0xD800..0xDC00).contains(&high) && self.eat(b'\\') && self.eat(b'u') {
            let low = self.hex(start)?;
            if (0xDC00..0xE000).contains(&low) {
                let scalar = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                if let Some(char) = char::from_u32(scalar) {
                    return Ok(char);
                }
            }
        }
        Err(SyntaxError {
            kind: SyntaxErrorKind::LoneSurrogate,
            at: offset(start),
            message: "",
        })
    }

    fn hex(&mut self, start: usize) -> Result<u32, SyntaxError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let code = digits.and_then(|digits| {
            let add = |code: u32, byte: &u8| code << 4 | hex_digit(*byte);
            let code = digits.iter().fold(0, add);
            (code < NO_DIGIT).then_some(code)
        });
        if let Some(code) = code {
            self.at += 4;
            return Ok(code);
        }
        self.at = start;
        Err(self.error("expected four hexadecimal digits after `\\u`"))
    }

    fn number(&mut self) -> Result<Value<'a>, SyntaxError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _: bool = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        if matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.')
        ) {
            return Err(self.error("malformed number"));
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        Ok(Value::Number(Cow::Borrowed(digits)))
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("malformed number"));
        }
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, SyntaxError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.error("expected a JSON value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Keeps the last value of every key, at the position of the first.
    fn drop_repeats(&mut self, members: &mut Vec<(Cow<'a, str>, Node<'a>)>) {
        let distinct = if members.len() <= PAIRWISE_MAX {
            let repeated = |(index, (key, _)): (usize, &(Cow<'_, str>, _))| {
                members
                    .iter()
                    .take(index)
                    .any(|(earlier, _)| earlier == key)
            };
            !members.iter().enumerate().any(repeated)
        } else {
            false
        };
        if distinct {
            return;
        }
        let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(members.len());
        let mut kept: Vec<(Cow<'a, str>, Node<'a>)> = Vec::with_capacity(members.len());
        for (key, node) in members.drain(..) {
            if let Some((_, earlier)) = places.get(&key).and_then(|place| kept.get_mut(*place)) {
                self.repeats.push(node.at);
                *earlier = node;
            } else {
                places.insert(key.clone(), kept.len());
                kept.push((key, node));
            }
        }
        *members = kept;
    }

    fn descend(&mut self, depth: usize) -> Result<(), SyntaxError> {
        if depth > DEPTH_MAX {
            return Err(SyntaxError {
                kind: SyntaxErrorKind::TooDeep,
                at: offset(self.at),
                message: "",
            });
        }
        self.at += 1;
        Ok(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn error(&self, message: &'static str) -> SyntaxError {
        SyntaxError {
            kind: SyntaxErrorKind::Grammar,
            at: offset(self.at),
            message,
        }
    }
}

/// The value of a byte that is not a hexadecimal digit: larger than any four digits.
const NO_DIGIT: u32 = 0x1_0000;

/// The value of a hexadecimal digit. Rows that are escaped to ASCII consist of them.
fn hex_digit(byte: u8) -> u32 {
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time only")]
    const DIGITS: [u32; 256] = {
        let mut digits = [NO_DIGIT; 256];
        let mut value = 0;
        while value < 16 {
            let lower = b"0123456789abcdef"[value as usize];
            digits[lower as usize] = value;
            digits[lower.to_ascii_uppercase() as usize] = value;
            value += 1;
        }
        digits
    };
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// Rows are at most `LINE_MAX_BYTES` long, so an offset always fits.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
