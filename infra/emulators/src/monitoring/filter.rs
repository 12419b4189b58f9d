//! The query language of Cloud Logging, and the similar one of Cloud Monitoring.
//!
//! Parses the subset that policies and metrics need, of
//! <https://cloud.google.com/logging/docs/view/logging-query-language>. There, OR binds tighter
//! than AND, and AND may be omitted. Anything outside the subset is refused with the token that
//! is not supported.

pub(super) mod matching;
mod token;

use regex::Regex;

use self::token::{FilterToken, Sign, TokenKind};

/// Maximum length of a filter; the service's own limit.
const FILTER_MAX_CHARS: usize = 20_000;

/// Maximum nesting of parentheses and negations; filters written by hand have about three.
const DEPTH_MAX: usize = 50;

/// An invalid filter, with the token at which parsing failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unparseable filter: {why} at token `{token}`, character {at}")]
pub(super) struct FilterError {
    why: &'static str,
    token: String,
    at: usize,
}

impl FilterError {
    fn new(why: &'static str, token: &FilterToken) -> Self {
        Self {
            why,
            token: token.text.clone(),
            at: token.at,
        }
    }
}

/// A parsed filter.
#[derive(Debug, Clone)]
pub(super) enum LogFilter {
    /// All must match; an empty list matches every entry.
    And(Vec<Self>),
    /// Any must match.
    Or(Vec<Self>),
    /// Must not match.
    Not(Box<Self>),
    /// A comparison of a field with a value.
    Compare(FilterComparison),
}

/// A comparison of a field with a value.
#[derive(Debug, Clone)]
pub(super) struct FilterComparison {
    path: Vec<String>,
    test: ComparisonTest,
}

/// The operator and the value of a comparison.
#[derive(Debug, Clone)]
enum ComparisonTest {
    /// `:` means "contains", or with `*` "is present".
    Has(String),
    Equals(String),
    Differs(String),
    Ordered(Relation, String),
    Matches(Regex),
    MatchesNot(Regex),
}

/// A comparison by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl LogFilter {
    /// Parses a filter; an empty one matches everything.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_MAX_CHARS {
            let why = "filters are at most 20,000 characters";
            return Err(FilterError::new(why, &FilterToken::end(FILTER_MAX_CHARS)));
        }
        let tokens = token::tokens(text)?;
        let mut parser = LogFilterParser {
            end: FilterToken::end(text.len()),
            tokens: tokens.into_iter().peekable(),
            depth: 0,
        };
        let filter = parser.conjunction()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(left) => Err(FilterError::new("unexpected text", &left)),
        }
    }
}

/// Parses the path of a field, such as `jsonPayload."a.b".c`.
pub(super) fn path(text: &str) -> Result<Vec<String>, FilterError> {
    let mut tokens = token::tokens(text)?.into_iter();
    let end = FilterToken::end(text.len());
    let word = tokens
        .next()
        .ok_or_else(|| FilterError::new("a field is missing", &end))?;
    if let Some(left) = tokens.next() {
        return Err(FilterError::new("unexpected text after the field", &left));
    }
    match word.kind {
        TokenKind::Word(path) => Ok(path),
        TokenKind::Quoted(_) | TokenKind::Sign(_) => {
            Err(FilterError::new("a field is missing", &word))
        }
    }
}

struct LogFilterParser {
    tokens: std::iter::Peekable<std::vec::IntoIter<FilterToken>>,
    end: FilterToken,
    depth: usize,
}

impl LogFilterParser {
    fn next(&mut self) -> FilterToken {
        self.tokens.next().unwrap_or_else(|| self.end.clone())
    }

    fn eat(&mut self, sign: Sign) -> bool {
        let wanted = TokenKind::Sign(sign);
        self.tokens.next_if(|token| token.kind == wanted).is_some()
    }

    fn conjunction(&mut self) -> Result<LogFilter, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.tokens.peek() {
                None => break,
                Some(token) if token.kind == TokenKind::Sign(Sign::Close) => break,
                Some(_) => {}
            }
            parts.push(self.disjunction()?);
            if self.eat(Sign::And) && self.tokens.peek().is_none() {
                return Err(FilterError::new("AND has no right-hand side", &self.end));
            }
        }
        Ok(only_or(parts, LogFilter::And))
    }

    fn disjunction(&mut self) -> Result<LogFilter, FilterError> {
        let mut parts = vec![self.unary()?];
        while self.eat(Sign::Or) {
            parts.push(self.unary()?);
        }
        Ok(only_or(parts, LogFilter::Or))
    }

    fn unary(&mut self) -> Result<LogFilter, FilterError> {
        self.depth += 1;
        let token = self.next();
        if self.depth > DEPTH_MAX {
            return Err(FilterError::new("nesting is too deep", &token));
        }
        let filter = match token.kind {
            TokenKind::Sign(Sign::Not) => LogFilter::Not(Box::new(self.unary()?)),
            TokenKind::Sign(Sign::Open) => {
                let inner = self.conjunction()?;
                if !self.eat(Sign::Close) {
                    return Err(FilterError::new("unclosed parenthesis", &token));
                }
                inner
            }
            TokenKind::Word(ref path) => {
                let path = path.clone();
                self.comparison(&token, path)?
            }
            TokenKind::Quoted(_) => {
                return Err(FilterError::new(
                    "searching all fields is not served",
                    &token,
                ));
            }
            TokenKind::Sign(_) => return Err(FilterError::new("unexpected token", &token)),
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(
        &mut self,
        field: &FilterToken,
        path: Vec<String>,
    ) -> Result<LogFilter, FilterError> {
        let sign = match self.tokens.peek().map(|token| &token.kind) {
            Some(TokenKind::Sign(Sign::Open)) => {
                return Err(FilterError::new("functions are not served", field));
            }
            Some(&TokenKind::Sign(sign)) if sign.compares() => sign,
            _ => {
                let why = "searching all fields is not served";
                return Err(FilterError::new(why, field));
            }
        };
        self.next();
        if !self.eat(Sign::Open) {
            return self.value(sign, path);
        }
        // `field = ("a" OR "b")` is short for `field = "a" OR field = "b"`.
        let mut parts = vec![self.value(sign, path.clone())?];
        while self.eat(Sign::Or) {
            parts.push(self.value(sign, path.clone())?);
        }
        if self.eat(Sign::Close) {
            return Ok(LogFilter::Or(parts));
        }
        let token = self.next();
        Err(FilterError::new("only OR can join values", &token))
    }

    fn value(&mut self, sign: Sign, path: Vec<String>) -> Result<LogFilter, FilterError> {
        let token = self.next();
        let value = match &token.kind {
            TokenKind::Quoted(value) => value.clone(),
            TokenKind::Word(_) => token.text.clone(),
            TokenKind::Sign(_) => return Err(FilterError::new("a value is missing", &token)),
        };
        let test = match sign {
            Sign::Has => ComparisonTest::Has(value),
            Sign::Equals => ComparisonTest::Equals(value),
            Sign::Differs => ComparisonTest::Differs(value),
            Sign::Less => ComparisonTest::Ordered(Relation::Less, value),
            Sign::LessOrEqual => ComparisonTest::Ordered(Relation::LessOrEqual, value),
            Sign::Greater => ComparisonTest::Ordered(Relation::Greater, value),
            Sign::GreaterOrEqual => ComparisonTest::Ordered(Relation::GreaterOrEqual, value),
            Sign::Matches => ComparisonTest::Matches(regex(&value, &token)?),
            Sign::MatchesNot => ComparisonTest::MatchesNot(regex(&value, &token)?),
            Sign::Open | Sign::Close | Sign::And | Sign::Or | Sign::Not => {
                return Err(FilterError::new("unexpected token", &token));
            }
        };
        Ok(LogFilter::Compare(FilterComparison { path, test }))
    }
}

fn regex(text: &str, token: &FilterToken) -> Result<Regex, FilterError> {
    Regex::new(text).map_err(|error| {
        tracing::debug!(%error, "a filter contains an invalid regular expression");
        FilterError::new("invalid regular expression", token)
    })
}

fn only_or(mut parts: Vec<LogFilter>, join: impl FnOnce(Vec<LogFilter>) -> LogFilter) -> LogFilter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, why: &str, token: &str) {
        let error = LogFilter::parse(text).expect_err(text);
        assert_eq!((error.why, error.token.as_str()), (why, token), "{text}");
    }

    #[test]
    fn anything_outside_the_subset_is_refused_with_its_token() {
        let search = "searching all fields is not served";
        refused("\"robot\"", search, "robot");
        refused("severity>=ERROR robot", search, "robot");
        refused("log_id(\"x\")", "functions are not served", "log_id");
        refused("a = ", "a value is missing", "the end");
        refused("a = = 1", "a value is missing", "=");
        refused("(a = 1", "unclosed parenthesis", "(");
        refused("a = 1)", "unexpected text", ")");
        refused("a = \"x", "unclosed quote", "\"x");
        refused("a =~ \"(\"", "invalid regular expression", "(");
        refused("a = 1 AND", "AND has no right-hand side", "the end");
        refused("OR a = 1", "unexpected token", "OR");
        refused("a = (1 AND 2)", "only OR can join values", "AND");
        refused("a ? 1", "unknown character", "?");
        refused(&"(".repeat(60), "nesting is too deep", "(");
    }

    #[test]
    fn a_path_is_split_at_dots_outside_quotes() {
        assert_eq!(
            path("jsonPayload.\"a.b\".c").unwrap(),
            ["jsonPayload", "a.b", "c"]
        );
        assert!(path("a b").is_err());
        assert!(path("").is_err());
    }
}
