//! The filter of lists, limited to terms `field="value"` joined by AND.

use std::collections::BTreeMap;

use crate::rest::Error;

use super::call::invalid;

/// A term of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// The field's path, such as `labels.run`.
    pub(super) field: String,
    /// The operator.
    pub(super) is: Is,
    /// The value, unquoted.
    pub(super) value: String,
}

/// The operator of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    /// `=`.
    Equal,
    /// `!=`.
    Other,
    /// `:`, which tests for presence if the value is `*`.
    Having,
}

impl Term {
    /// Whether a field with the value `found` passes.
    pub(super) fn admits(&self, found: Option<&str>) -> bool {
        match self.is {
            Is::Equal => found == Some(self.value.as_str()),
            Is::Other => found != Some(self.value.as_str()),
            Is::Having => found.is_some_and(|found| self.value == "*" || found == self.value),
        }
    }
}

/// Whether a resource with these labels and this display name passes all of `terms`.
///
/// # Errors
///
/// If a term names another field.
pub(super) fn pass(
    terms: &[Term],
    labels: &BTreeMap<String, String>,
    display_name: &str,
) -> Result<bool, Error> {
    for term in terms {
        let found = match (term.field.as_str(), term.field.strip_prefix("labels.")) {
            (_, Some(key)) => labels.get(key).map(String::as_str),
            ("display_name" | "displayName", None) => Some(display_name),
            (field, None) => {
                return Err(invalid(format!("cannot filter by `{field}`")));
            }
        };
        if !term.admits(found) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Parses a filter; an empty one has no terms.
pub(super) fn parse(filter: &str) -> Result<Vec<Term>, Error> {
    let tokens = tokens(filter)?;
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    tokens
        .split(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("AND")))
        .map(|term| match term {
            [
                Token::Word(field),
                Token::Is(is),
                Token::Word(value) | Token::Text(value),
            ] => Ok(Term {
                field: field.clone(),
                is: *is,
                value: value.clone(),
            }),
            _ => Err(invalid(format!("invalid filter `{filter}`"))),
        })
        .collect()
}

#[derive(Debug, Clone)]
enum Token {
    Word(String),
    Text(String),
    Is(Is),
}

fn tokens(filter: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if let Some(after) = rest.strip_prefix("!=") {
            (Token::Is(Is::Other), after)
        } else if let Some(after) = rest.strip_prefix('=') {
            (Token::Is(Is::Equal), after)
        } else if let Some(after) = rest.strip_prefix(':') {
            (Token::Is(Is::Having), after)
        } else if first == '"' || first == '\'' {
            let (text, after) = rest
                .get(1..)
                .and_then(|rest| rest.split_once(first))
                .ok_or_else(|| invalid("unclosed quote in the filter"))?;
            (Token::Text(text.to_owned()), after)
        } else {
            let end = rest
                .find(|character: char| character.is_whitespace() || "=:!\"'".contains(character))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(invalid(format!("invalid filter `{filter}`")));
            }
            let (word, after) = rest.split_at(end);
            (Token::Word(word.to_owned()), after)
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, expected: Option<&[(&str, Is, &str)]>) {
        let parsed = parse(filter).ok();
        let found: Option<Vec<(&str, Is, &str)>> = parsed.as_ref().map(|terms| {
            terms
                .iter()
                .map(|term| (term.field.as_str(), term.is, term.value.as_str()))
                .collect()
        });
        assert_eq!(found.as_deref(), expected, "{filter}");
    }

    #[test]
    fn filters_are_parsed() {
        check("", Some(&[]));
        check(
            "labels.run=\"a b\"",
            Some(&[("labels.run", Is::Equal, "a b")]),
        );
        check(
            "state = JOB_STATE_RUNNING AND labels.run:*",
            Some(&[
                ("state", Is::Equal, "JOB_STATE_RUNNING"),
                ("labels.run", Is::Having, "*"),
            ]),
        );
        check("state!=\"X\"", Some(&[("state", Is::Other, "X")]));
        check(
            "parent_contexts:\"projects/1/x\"",
            Some(&[("parent_contexts", Is::Having, "projects/1/x")]),
        );
        check("state", None);
        check("state=\"X", None);
        check("a=b OR c=d", None);
    }
}
