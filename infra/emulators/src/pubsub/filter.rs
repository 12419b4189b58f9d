//! The filter language of subscriptions: which messages, by their attributes.
//!
//! Grammar and limits: <https://cloud.google.com/pubsub/docs/subscription-message-filter>.

use std::{collections::HashMap, iter::Peekable, str::CharIndices};

/// Bytes of a filter: the service's limit; it also bounds the parser's depth.
const FILTER_MAX_BYTES: usize = 256;

/// A parsed filter; the default one lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter(Option<Term>);

/// Why a filter is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It is longer than the service takes.
    #[error("the filter is longer than {FILTER_MAX_BYTES} bytes")]
    TooLong,
    /// It does not follow the grammar.
    #[error("expected {expected} at byte {at} of the filter")]
    Syntax {
        /// What should stand there.
        expected: &'static str,
        /// Where, in bytes.
        at: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Has(String),
    Equals(String, String),
    HasPrefix(String, String),
    Not(Box<Term>),
    All(Vec<Term>),
    Any(Vec<Term>),
}

impl Filter {
    /// Reads `text`; an empty one filters nothing out.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > FILTER_MAX_BYTES {
            return Err(Error::TooLong);
        }
        if text.is_empty() {
            return Ok(Self(None));
        }
        let mut parser = Parser::new(text)?;
        let term = parser.expression()?;
        match parser.token {
            Token::End => Ok(Self(Some(term))),
            _ => Err(parser.expected("AND, OR or the end")),
        }
    }

    /// Whether a message with `attributes` passes.
    pub(super) fn matches(&self, attributes: &HashMap<String, String>) -> bool {
        self.0.as_ref().is_none_or(|term| term.matches(attributes))
    }
}

impl Term {
    fn matches(&self, attributes: &HashMap<String, String>) -> bool {
        match self {
            Self::Has(key) => attributes.contains_key(key),
            Self::Equals(key, value) => attributes.get(key) == Some(value),
            Self::HasPrefix(key, prefix) => attributes
                .get(key)
                .is_some_and(|value| value.starts_with(prefix)),
            Self::Not(term) => !term.matches(attributes),
            Self::All(terms) => terms.iter().all(|term| term.matches(attributes)),
            Self::Any(terms) => terms.iter().any(|term| term.matches(attributes)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
    NotEqual,
    End,
}

/// Recursive descent, one token ahead.
struct Parser<'a> {
    chars: Peekable<CharIndices<'a>>,
    length: usize,
    /// Where `token` starts.
    at: usize,
    token: Token,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        let mut parser = Self {
            chars: text.char_indices().peekable(),
            length: text.len(),
            at: 0,
            token: Token::End,
        };
        parser.advance()?;
        Ok(parser)
    }

    /// Terms joined by AND alone or by OR alone: the language has no precedence between them.
    fn expression(&mut self) -> Result<Term, Error> {
        let first = self.term()?;
        let Token::Word(operator) = self.token.clone() else {
            return Ok(first);
        };
        let mut terms = vec![first];
        while self.is_word(&operator) && matches!(operator.as_str(), "AND" | "OR") {
            self.advance()?;
            terms.push(self.term()?);
        }
        match operator.as_str() {
            "AND" | "OR" if self.is_word("AND") || self.is_word("OR") => {
                Err(self.expected("parentheses around a mix of AND and OR"))
            }
            "AND" => Ok(Term::All(terms)),
            "OR" => Ok(Term::Any(terms)),
            _ => Err(self.expected("AND or OR")),
        }
    }

    fn term(&mut self) -> Result<Term, Error> {
        if self.is_word("NOT") || self.token == Token::Sign('-') {
            self.advance()?;
            return Ok(Term::Not(Box::new(self.term()?)));
        }
        if self.token == Token::Sign('(') {
            self.advance()?;
            let inner = self.expression()?;
            self.sign(')', "`)`")?;
            return Ok(inner);
        }
        if self.is_word("hasPrefix") {
            self.advance()?;
            self.sign('(', "`(`")?;
            self.word("attributes")?;
            self.sign('.', "`.`")?;
            let key = self.key()?;
            self.sign(',', "`,`")?;
            let prefix = self.text()?;
            self.sign(')', "`)`")?;
            return Ok(Term::HasPrefix(key, prefix));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Term, Error> {
        self.word("attributes")?;
        if self.token == Token::Sign(':') {
            self.advance()?;
            return Ok(Term::Has(self.key()?));
        }
        self.sign('.', "`:` or `.`")?;
        let key = self.key()?;
        let negated = match self.token {
            Token::Sign('=') => false,
            Token::NotEqual => true,
            _ => return Err(self.expected("`=` or `!=`")),
        };
        self.advance()?;
        let equals = Term::Equals(key, self.text()?);
        // A message without the key passes `!=`, as in the fake that Google's Go client tests with.
        Ok(if negated {
            Term::Not(Box::new(equals))
        } else {
            equals
        })
    }

    fn key(&mut self) -> Result<String, Error> {
        match self.token.clone() {
            Token::Word(key) | Token::Text(key) => {
                self.advance()?;
                Ok(key)
            }
            _ => Err(self.expected("an attribute's key")),
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        match self.token.clone() {
            Token::Text(text) => {
                self.advance()?;
                Ok(text)
            }
            _ => Err(self.expected("a text in double quotes")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Error> {
        if !self.is_word(word) {
            return Err(self.expected("`attributes`"));
        }
        self.advance()
    }

    fn sign(&mut self, sign: char, expected: &'static str) -> Result<(), Error> {
        if self.token != Token::Sign(sign) {
            return Err(self.expected(expected));
        }
        self.advance()
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if found == word)
    }

    fn expected(&self, expected: &'static str) -> Error {
        let at = self.at;
        Error::Syntax { expected, at }
    }

    fn advance(&mut self) -> Result<(), Error> {
        while self
            .chars
            .next_if(|(_, c)| c.is_ascii_whitespace())
            .is_some()
        {}
        let next = self.chars.next();
        self.at = next.map_or(self.length, |(at, _)| at);
        self.token = match next.map(|(_, c)| c) {
            None => Token::End,
            Some('"') => Token::Text(self.quoted()?),
            Some('!') => match self.chars.next_if(|(_, c)| *c == '=') {
                Some(_) => Token::NotEqual,
                None => return Err(self.expected("`!=`")),
            },
            Some(c) if c.is_ascii_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                while let Some((_, c)) = self.chars.next_if(|(_, c)| inside(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            Some(c) => Token::Sign(c),
        };
        Ok(())
    }

    /// The rest of a text whose opening quote is behind us.
    fn quoted(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            match self.chars.next().map(|(_, c)| c) {
                None => return Err(self.expected("a closing quote for the text")),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Error> {
        let found = match self.chars.next().map(|(_, c)| c) {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some(c @ ('"' | '\\' | '\'')) => Some(c),
            Some('x') => self.code(0, 16, 2),
            Some('u') => self.code(0, 16, 4),
            Some(c) => c.to_digit(8).and_then(|first| self.code(first, 8, 2)),
            None => None,
        };
        found.ok_or_else(|| self.expected("a known escape in the text"))
    }

    /// A character by number: `digits` more of them, after `first`.
    fn code(&mut self, first: u32, radix: u32, digits: usize) -> Option<char> {
        let mut code = first;
        for _ in 0..digits {
            let (_, digit) = self.chars.next()?;
            code = code * radix + digit.to_digit(radix)?;
        }
        char::from_u32(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, attributes: &[(&str, &str)], passes: bool) {
        let parsed = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(parsed.matches(&attributes), passes, "{filter}");
    }

    #[track_caller]
    fn refuse(filter: &str) {
        assert!(Filter::parse(filter).is_err(), "{filter} was accepted");
    }

    #[test]
    fn a_filter_looks_at_keys_values_and_prefixes() {
        let com = [("domain", "com"), ("iana.org/lang", "en")];
        check("", &com, true);
        check("attributes:domain", &com, true);
        check("attributes:other", &com, false);
        check(r#"attributes:"iana.org/lang""#, &com, true);
        check(r#"attributes."iana.org/lang" = "en""#, &com, true);
        check(r#"attributes.domain = "com""#, &com, true);
        check(r#"attributes.domain="org""#, &com, false);
        check(r#"attributes.domain != "org""#, &com, true);
        check(r#"attributes.domain != "com""#, &com, false);
        check(r#"attributes.missing != "com""#, &com, true);
        check(r#"hasPrefix(attributes.domain, "co")"#, &com, true);
        check(r#"hasPrefix(attributes.domain,"om")"#, &com, false);
        check(r#"hasPrefix(attributes.missing, "")"#, &com, false);
    }

    #[test]
    fn terms_combine() {
        let object = [
            ("eventType", "OBJECT_FINALIZE"),
            ("objectId", "raw/a.jsonl"),
        ];
        let raw = r#"hasPrefix(attributes.objectId, "raw/")"#;
        let made = r#"attributes.eventType = "OBJECT_FINALIZE""#;
        check(&format!("{made} AND {raw}"), &object, true);
        check(&format!("{made} AND NOT {raw}"), &object, false);
        check(&format!("{made} AND -{raw}"), &object, false);
        check(&format!("NOT NOT {raw}"), &object, true);
        check(
            &format!("attributes:x OR {raw} OR attributes:y"),
            &object,
            true,
        );
        check(
            &format!("attributes:x AND ({raw} OR attributes:y)"),
            &object,
            false,
        );
        check(
            &format!("({made} AND {raw}) OR attributes:x"),
            &object,
            true,
        );
        check(&format!("NOT ({made} OR {raw})"), &object, false);
        check(&format!("-({raw})"), &object, false);
    }

    #[test]
    fn texts_know_escapes() {
        check(r#"attributes.k = "a\"b\\c""#, &[("k", r#"a"b\c"#)], true);
        check(r#"attributes.k = "\u00e9\x41\102""#, &[("k", "éAB")], true);
        check(r#"attributes:"みんな""#, &[("みんな", "")], true);
        check("attributes:a-b_c", &[("a-b_c", "")], true);
    }

    #[test]
    fn what_is_not_the_language_is_refused() {
        refuse("bogus");
        refuse(" ");
        refuse("attributes");
        refuse("attributes.k");
        refuse("attributes.k = v");
        refuse(r#"attributes.k == "v""#);
        refuse(r#"attributes.k < "v""#);
        refuse(r#"attributes.a.b = "v""#);
        refuse(r#"data = "v""#);
        refuse("attributes:a AND");
        refuse("attributes:a and attributes:b");
        refuse("attributes:a attributes:b");
        refuse("attributes:a AND attributes:b OR attributes:c");
        refuse("attributes:a OR attributes:b AND attributes:c");
        refuse("(attributes:a");
        refuse("attributes:a)");
        refuse(r#"hasSuffix(attributes.a, "b")"#);
        refuse("hasPrefix(attributes.a)");
        refuse(r#"attributes.k = "open"#);
        refuse(r#"attributes.k = "\q""#);
        refuse(&format!("attributes:{}", "a".repeat(FILTER_MAX_BYTES)));
    }

    #[test]
    fn a_fault_says_where_it_is() {
        let error = Filter::parse("attributes:a AND bogus").unwrap_err();
        let expected = "`attributes`";
        assert_eq!(error, Error::Syntax { expected, at: 17 });
    }
}
