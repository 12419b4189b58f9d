//! The tokens of a filter.

use std::{iter::Peekable, str::CharIndices};

use super::Error;

/// A word or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, or an unquoted key.
    Word(String),
    /// A string in double quotes, unescaped.
    Text(String),
    /// Any other character.
    Sign(char),
    /// `!=`
    NotEqual,
    /// The end of the filter.
    End,
}

/// Splits a filter into tokens.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    chars: Peekable<CharIndices<'a>>,
    length: usize,
}

impl<'a> Tokens<'a> {
    /// The tokens of `text`.
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            chars: text.char_indices().peekable(),
            length: text.len(),
        }
    }

    /// The next token, and the byte where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token), Error> {
        let blank = |(_, c): &(usize, char)| c.is_ascii_whitespace();
        while self.chars.next_if(blank).is_some() {}
        let Some((at, first)) = self.chars.next() else {
            return Ok((self.length, Token::End));
        };
        let token = match first {
            '"' => self.text().map(Token::Text),
            '!' => {
                let equal = self.chars.next_if(|(_, c)| *c == '=');
                equal.map(|_| Token::NotEqual).ok_or("`!=`")
            }
            c if in_word(c) && c != '-' => Ok(Token::Word(self.word(c))),
            c => Ok(Token::Sign(c)),
        };
        match token {
            Ok(token) => Ok((at, token)),
            Err(expected) => Err(Error::Syntax { expected, at }),
        }
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some((_, c)) = self.chars.next_if(|(_, c)| in_word(*c)) {
            word.push(c);
        }
        word
    }

    /// The rest of a string after its opening quote.
    fn text(&mut self) -> Result<String, &'static str> {
        let mut text = String::new();
        loop {
            match self.chars.next().map(|(_, c)| c) {
                None => return Err("a closing quote for the string"),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped().ok_or("a string with known escapes")?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        match self.chars.next()?.1 {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            c @ ('"' | '\\' | '\'') => Some(c),
            'x' => self.code(0, 16, 2),
            'u' => self.code(0, 16, 4),
            c => self.code(c.to_digit(8)?, 8, 2),
        }
    }

    /// A character given by its number: `digits` more digits after `first`.
    fn code(&mut self, first: u32, radix: u32, digits: usize) -> Option<char> {
        let mut code = first;
        for _ in 0..digits {
            let (_, digit) = self.chars.next()?;
            code = code * radix + digit.to_digit(radix)?;
        }
        char::from_u32(code)
    }
}

/// Characters of unquoted keys.
fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
