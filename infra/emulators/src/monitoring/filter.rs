//! The query language of Cloud Logging, and the similar one of Cloud Monitoring.
//!
//! Parses the subset that policies and metrics need, of
//! <https://cloud.google.com/logging/docs/view/logging-query-language>. There, OR binds tighter
//! than AND, and AND may be omitted. Anything outside the subset is refused with the token that
//! is not supported.

pub(super) mod matching;
mod token;

use regex::Regex;

use self::token::{Kind, Sign, Token};

/// Maximum length of a filter; the service's own limit.
const FILTER_MAX_CHARS: usize = 20_000;

/// Maximum nesting of parentheses and negations; filters written by hand have about three.
const DEPTH_MAX: usize = 50;

/// An invalid filter, with the token at which parsing failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unparseable filter: {why} at token `{token}`, character {at}")]
pub(super) struct Fault {
    why: &'static str,
    token: String,
    at: usize,
}

impl Fault {
    fn new(why: &'static str, token: &Token) -> Self {
        Self {
            why,
            token: token.text.clone(),
            at: token.at,
        }
    }
}

/// A parsed filter.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    /// All must match; an empty list matches every entry.
    And(Vec<Self>),
    /// Any must match.
    Or(Vec<Self>),
    /// Must not match.
    Not(Box<Self>),
    /// A comparison of a field with a value.
    Compare(Comparison),
}

/// A comparison of a field with a value.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    path: Vec<String>,
    test: Test,
}

/// The operator and the value of a comparison.
#[derive(Debug, Clone)]
enum Test {
    /// `:` means "contains", or with `*` "is present".
    Has(String),
    Equals(String),
    Differs(String),
    Ordered(Order, String),
    Matches(Regex),
    MatchesNot(Regex),
}

/// A comparison by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Parses a filter; an empty one matches everything.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > FILTER_MAX_CHARS {
            let why = "filters are at most 20,000 characters";
            return Err(Fault::new(why, &Token::end(FILTER_MAX_CHARS)));
        }
        let tokens = token::tokens(text)?;
        let mut parser = Parser {
            end: Token::end(text.len()),
            tokens: tokens.into_iter().peekable(),
            depth: 0,
        };
        let filter = parser.conjunction()?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(left) => Err(Fault::new("unexpected text", &left)),
        }
    }
}

/// Parses the path of a field, such as `jsonPayload."a.b".c`.
pub(super) fn path(text: &str) -> Result<Vec<String>, Fault> {
    let mut tokens = token::tokens(text)?.into_iter();
    let end = Token::end(text.len());
    let word = tokens
        .next()
        .ok_or_else(|| Fault::new("a field is missing", &end))?;
    if let Some(left) = tokens.next() {
        return Err(Fault::new("unexpected text after the field", &left));
    }
    match word.kind {
        Kind::Word(path) => Ok(path),
        Kind::Quoted(_) | Kind::Sign(_) => Err(Fault::new("a field is missing", &word)),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    end: Token,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Token {
        self.tokens.next().unwrap_or_else(|| self.end.clone())
    }

    fn eat(&mut self, sign: Sign) -> bool {
        let wanted = Kind::Sign(sign);
        self.tokens.next_if(|token| token.kind == wanted).is_some()
    }

    fn conjunction(&mut self) -> Result<Filter, Fault> {
        let mut parts = Vec::new();
        loop {
            match self.tokens.peek() {
                None => break,
                Some(token) if token.kind == Kind::Sign(Sign::Close) => break,
                Some(_) => {}
            }
            parts.push(self.disjunction()?);
            if self.eat(Sign::And) && self.tokens.peek().is_none() {
                return Err(Fault::new("AND has no right-hand side", &self.end));
            }
        }
        Ok(only_or(parts, Filter::And))
    }

    fn disjunction(&mut self) -> Result<Filter, Fault> {
        let mut parts = vec![self.unary()?];
        while self.eat(Sign::Or) {
            parts.push(self.unary()?);
        }
        Ok(only_or(parts, Filter::Or))
    }

    fn unary(&mut self) -> Result<Filter, Fault> {
        self.depth += 1;
        let token = self.next();
        if self.depth > DEPTH_MAX {
            return Err(Fault::new("nesting is too deep", &token));
        }
        let filter = match token.kind {
            Kind::Sign(Sign::Not) => Filter::Not(Box::new(self.unary()?)),
            Kind::Sign(Sign::Open) => {
                let inner = self.conjunction()?;
                if !self.eat(Sign::Close) {
                    return Err(Fault::new("unclosed parenthesis", &token));
                }
                inner
            }
            Kind::Word(ref path) => {
                let path = path.clone();
                self.comparison(&token, path)?
            }
            Kind::Quoted(_) => {
                return Err(Fault::new(
                    "searching all fields is not served",
                    &token,
                ));
            }
            Kind::Sign(_) => return Err(Fault::new("unexpected token", &token)),
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self, field: &Token, path: Vec<String>) -> Result<Filter, Fault> {
        let sign = match self.tokens.peek().map(|token| &token.kind) {
            Some(Kind::Sign(Sign::Open)) => {
                return Err(Fault::new("functions are not served", field));
            }
            Some(&Kind::Sign(sign)) if sign.compares() => sign,
            _ => {
                let why = "searching all fields is not served";
                return Err(Fault::new(why, field));
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
            return Ok(Filter::Or(parts));
        }
        let token = self.next();
        Err(Fault::new("only OR can join values", &token))
    }

    fn value(&mut self, sign: Sign, path: Vec<String>) -> Result<Filter, Fault> {
        let token = self.next();
        let value = match &token.kind {
            Kind::Quoted(value) => value.clone(),
            Kind::Word(_) => token.text.clone(),
            Kind::Sign(_) => return Err(Fault::new("a value is missing", &token)),
        };
        let test = match sign {
            Sign::Has => Test::Has(value),
            Sign::Equals => Test::Equals(value),
            Sign::Differs => Test::Differs(value),
            Sign::Less => Test::Ordered(Order::Less, value),
            Sign::LessOrEqual => Test::Ordered(Order::LessOrEqual, value),
            Sign::Greater => Test::Ordered(Order::Greater, value),
            Sign::GreaterOrEqual => Test::Ordered(Order::GreaterOrEqual, value),
            Sign::Matches => Test::Matches(regex(&value, &token)?),
            Sign::MatchesNot => Test::MatchesNot(regex(&value, &token)?),
            Sign::Open | Sign::Close | Sign::And | Sign::Or | Sign::Not => {
                return Err(Fault::new("unexpected token", &token));
            }
        };
        Ok(Filter::Compare(Comparison { path, test }))
    }
}

fn regex(text: &str, token: &Token) -> Result<Regex, Fault> {
    Regex::new(text).map_err(|error| {
        tracing::debug!(%error, "a filter contains an invalid regular expression");
        Fault::new("invalid regular expression", token)
    })
}

fn only_or(mut parts: Vec<Filter>, join: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
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
        let fault = Filter::parse(text).expect_err(text);
        assert_eq!((fault.why, fault.token.as_str()), (why, token), "{text}");
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
