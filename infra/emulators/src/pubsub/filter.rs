//! The filter language of subscriptions, which selects messages by their attributes.
//!
//! Grammar and limits: <https://cloud.google.com/pubsub/docs/subscription-message-filter>.

mod token;

use std::collections::HashMap;

use self::token::{Token, Tokens};

/// Maximum length of a filter: the service's limit; it also bounds the parser's depth.
const FILTER_MAX_BYTES: usize = 256;

/// A parsed filter; the default passes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AttributeFilter(Option<Term>);

/// Why a filter is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It is too long.
    #[error("the filter is longer than {FILTER_MAX_BYTES} bytes")]
    TooLong,
    /// It does not follow the grammar.
    #[error("expected {expected} at byte {at} of the filter")]
    Syntax {
        /// What was expected.
        expected: &'static str,
        /// The byte offset.
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

impl AttributeFilter {
    /// Parses `text`; an empty filter passes everything.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > FILTER_MAX_BYTES {
            return Err(Error::TooLong);
        }
        if text.is_empty() {
            return Ok(Self(None));
        }
        let mut parser = AttributeFilterParser::new(text)?;
        let term = parser.expression()?;
        if parser.token != Token::End {
            return Err(parser.expected("AND, OR or the end"));
        }
        Ok(Self(Some(term)))
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

/// Recursive descent with one token of lookahead.
struct AttributeFilterParser<'a> {
    tokens: Tokens<'a>,
    /// Where `token` starts.
    at: usize,
    token: Token,
}

impl<'a> AttributeFilterParser<'a> {
    fn new(text: &'a str) -> Result<Self, Error> {
        let mut parser = Self {
            tokens: Tokens::of(text),
            at: 0,
            token: Token::End,
        };
        parser.advance()?;
        Ok(parser)
    }

    /// Terms joined by AND only or by OR only: the language has no precedence between them.
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
        let negated = self.token == Token::NotEqual;
        if !negated && self.token != Token::Sign('=') {
            return Err(self.expected("`=` or `!=`"));
        }
        self.advance()?;
        let equals = Term::Equals(key, self.text()?);
        // A message without the key passes `!=`, as in the fake of Google's Go client.
        Ok(if negated {
            Term::Not(Box::new(equals))
        } else {
            equals
        })
    }

    fn key(&mut self) -> Result<String, Error> {
        let (Token::Word(key) | Token::Text(key)) = self.token.clone() else {
            return Err(self.expected("an attribute's key"));
        };
        self.advance()?;
        Ok(key)
    }

    fn text(&mut self) -> Result<String, Error> {
        let Token::Text(text) = self.token.clone() else {
            return Err(self.expected("a string in double quotes"));
        };
        self.advance()?;
        Ok(text)
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
        (self.at, self.token) = self.tokens.next()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, attributes: &[(&str, &str)], passes: bool) {
        let parsed =
            AttributeFilter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(parsed.matches(&attributes), passes, "{filter}");
    }

    #[track_caller]
    fn refuse(filter: &str) {
        assert!(
            AttributeFilter::parse(filter).is_err(),
            "{filter} was accepted"
        );
    }

    #[test]
    fn a_filter_tests_keys_values_and_prefixes() {
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
    fn terms_are_combined() {
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
    fn strings_have_escapes() {
        check(r#"attributes.k = "a\"b\\c""#, &[("k", r#"a"b\c"#)], true);
        check(r#"attributes.k = "\u00e9\x41\102""#, &[("k", "éAB")], true);
        check(r#"attributes:"みんな""#, &[("みんな", "")], true);
        check("attributes:a-b_c", &[("a-b_c", "")], true);
    }

    #[test]
    fn an_invalid_filter_is_refused() {
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
    fn an_error_has_its_position() {
        let error = AttributeFilter::parse("attributes:a AND bogus").unwrap_err();
        let expected = "`attributes`";
        assert_eq!(error, Error::Syntax { expected, at: 17 });
    }
}
