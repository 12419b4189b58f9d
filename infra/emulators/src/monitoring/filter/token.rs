//! The tokens of a filter.

use super::FilterError;

/// A token and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterToken {
    pub(super) kind: TokenKind,
    /// As written, without enclosing quotes.
    pub(super) text: String,
    /// Byte offset in the filter.
    pub(super) at: usize,
}

impl FilterToken {
    /// The end of the filter.
    pub(super) fn end(at: usize) -> Self {
        let text = "the end".to_owned();
        let kind = TokenKind::Sign(Sign::Close);
        Self { kind, text, at }
    }
}

/// The kind of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An unquoted word: a path, split at its dots, or a value.
    Word(Vec<String>),
    /// A quoted value.
    Quoted(String),
    Sign(Sign),
}

/// Every token with a fixed spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Open,
    Close,
    And,
    Or,
    Not,
    Has,
    Equals,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    MatchesNot,
}

impl Sign {
    /// Whether the sign is a comparison operator.
    pub(super) fn compares(self) -> bool {
        !matches!(
            self,
            Self::Open | Self::Close | Self::And | Self::Or | Self::Not
        )
    }
}

/// Longer spellings before their prefixes.
const SIGNS: [(&str, Sign); 11] = [
    ("(", Sign::Open),
    (")", Sign::Close),
    ("=~", Sign::Matches),
    ("!~", Sign::MatchesNot),
    ("!=", Sign::Differs),
    (">=", Sign::GreaterOrEqual),
    ("<=", Sign::LessOrEqual),
    (">", Sign::Greater),
    ("<", Sign::Less),
    ("=", Sign::Equals),
    (":", Sign::Has),
];

/// Splits a filter into its tokens; `--` starts a comment that ends with its line.
pub(super) fn tokens(text: &str) -> Result<Vec<FilterToken>, FilterError> {
    let mut tokens: Vec<FilterToken> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        if rest.is_empty() {
            return Ok(tokens);
        }
        if rest.starts_with("--") {
            rest = rest
                .find('\n')
                .and_then(|end| rest.get(end..))
                .unwrap_or_default();
            continue;
        }
        let sign = SIGNS
            .iter()
            .find_map(|&(spelling, sign)| Some((sign, spelling, rest.strip_prefix(spelling)?)));
        if let Some((sign, spelling, after)) = sign {
            rest = after;
            tokens.push(token(TokenKind::Sign(sign), spelling, at));
            continue;
        }
        if let Some(after) = rest.strip_prefix('"') {
            let (value, after) = quoted(after, rest, at)?;
            rest = after;
            tokens.push(token(TokenKind::Quoted(value.clone()), &value, at));
            continue;
        }
        // After a comparison operator a minus is part of a number; elsewhere it means NOT.
        let value = matches!(tokens.last(), Some(FilterToken { kind: TokenKind::Sign(sign), .. }) if sign.compares());
        if let Some(after) = rest.strip_prefix('-').filter(|_| !value) {
            rest = after;
            tokens.push(token(TokenKind::Sign(Sign::Not), "-", at));
            continue;
        }
        let (path, after) = word(rest, at)?;
        let spelling = rest.get(..rest.len() - after.len()).unwrap_or_default();
        rest = after;
        let kind = match spelling {
            "AND" => TokenKind::Sign(Sign::And),
            "OR" => TokenKind::Sign(Sign::Or),
            "NOT" => TokenKind::Sign(Sign::Not),
            _ => TokenKind::Word(path),
        };
        tokens.push(token(kind, spelling, at));
    }
}

fn token(kind: TokenKind, text: &str, at: usize) -> FilterToken {
    let text = text.to_owned();
    FilterToken { kind, text, at }
}

/// An unquoted word with its segments, and the text after it.
fn word(text: &str, at: usize) -> Result<(Vec<String>, &str), FilterError> {
    let mut path = Vec::new();
    let mut segment = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '.' => path.push(std::mem::take(&mut segment)),
            // A quoted segment, as in `labels."a.b"`.
            '"' if segment.is_empty() && !path.is_empty() => {
                let after = rest.get(1..).unwrap_or_default();
                (segment, rest) = quoted(after, rest, at)?;
                continue;
            }
            c if c.is_alphanumeric() || "_-/*+@%$".contains(c) => segment.push(c),
            _ => break,
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    if rest.len() == text.len() {
        let character: String = text.chars().take(1).collect();
        let sign = token(TokenKind::Quoted(String::new()), &character, at);
        return Err(FilterError::new("unknown character", &sign));
    }
    path.push(segment);
    Ok((path, rest))
}

/// The text up to the closing quote, unescaped, and the text after it.
fn quoted<'a>(text: &'a str, whole: &str, at: usize) -> Result<(String, &'a str), FilterError> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Ok((value, text.get(index + 1..).unwrap_or_default())),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                // An escape of the regular expression itself, such as `\d`.
                Some((_, c)) => value.extend(['\\', c]),
                None => {}
            },
            c => value.push(c),
        }
    }
    let open = token(TokenKind::Quoted(String::new()), whole, at);
    Err(FilterError::new("unclosed quote", &open))
}
