//! The filter of lists, limited to terms `field="value"` joined by AND.

use std::collections::BTreeMap;

use crate::rest::Error;

use super::call::invalid;

/// A term of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilterTerm {
    /// The field's path, such as `labels.run`.
    pub(super) field: String,
    /// The operator.
    pub(super) is: TermOperator,
    /// The value, unquoted.
    pub(super) value: String,
}

/// The operator of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TermOperator {
    /// `=`.
    Equal,
    /// `!=`.
    Other,
    /// `:`, which tests for presence if the value is `*`.
    Having,
}

impl FilterTerm {
    /// Whether a field with the value `found` passes.
    pub(super) fn passes(&self, found: Option<&str>) -> bool {
        match self.is {
            TermOperator::Equal => found == Some(self.value.as_str()),
            TermOperator::Other => found != Some(self.value.as_str()),
            TermOperator::Having => {
                found.is_some_and(|found| self.value == "*" || found == self.value)
            }
        }
    }
}

/// Whether a resource with these labels and this display name passes all of `terms`.
///
/// # Errors
///
/// If a term names another field.
pub(super) fn pass(
    terms: &[FilterTerm],
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
        if !term.passes(found) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Parses a filter; an empty one has no terms.
pub(super) fn parse(filter: &str) -> Result<Vec<FilterTerm>, Error> {
    let tokens = tokens(filter)?;
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    tokens
        .split(|token| matches!(token, TermToken::Word(word) if word.eq_ignore_ascii_case("AND")))
        .map(|term| match term {
            [
                TermToken::Word(field),
                TermToken::TermOperator(is),
                TermToken::Word(value) | TermToken::Text(value),
            ] => Ok(FilterTerm {
                field: field.clone(),
                is: *is,
                value: value.clone(),
            }),
            _ => Err(invalid(format!("invalid filter `{filter}`"))),
        })
        .collect()
}

#[derive(Debug, Clone)]
enum TermToken {
    Word(String),
    Text(String),
    TermOperator(TermOperator),
}

fn tokens(filter: &str) -> Result<Vec<TermToken>, Error> {
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if let Some(after) = rest.strip_prefix("!=") {
            (TermToken::TermOperator(TermOperator::Other), after)
        } else if let Some(after) = rest.strip_prefix('=') {
            (TermToken::TermOperator(TermOperator::Equal), after)
        } else if let Some(after) = rest.strip_prefix(':') {
            (TermToken::TermOperator(TermOperator::Having), after)
        } else if first == '"' || first == '\'' {
            let (text, after) = rest
                .get(1..)
                .and_then(|rest| rest.split_once(first))
                .ok_or_else(|| invalid("unclosed quote in the filter"))?;
            (TermToken::Text(text.to_owned()), after)
        } else {
            let end = rest
                .find(|character: char| character.is_whitespace() || "=:!\"'".contains(character))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(invalid(format!("invalid filter `{filter}`")));
            }
            let (word, after) = rest.split_at(end);
            (TermToken::Word(word.to_owned()), after)
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
    fn check(filter: &str, expected: Option<&[(&str, TermOperator, &str)]>) {
        let parsed = parse(filter).ok();
        let found: Option<Vec<(&str, TermOperator, &str)>> = parsed.as_ref().map(|terms| {
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
            Some(&[("labels.run", TermOperator::Equal, "a b")]),
        );
        check(
            "state = JOB_STATE_RUNNING AND labels.run:*",
            Some(&[
                ("state", TermOperator::Equal, "JOB_STATE_RUNNING"),
                ("labels.run", TermOperator::Having, "*"),
            ]),
        );
        check("state!=\"X\"", Some(&[("state", TermOperator::Other, "X")]));
        check(
            "parent_contexts:\"projects/1/x\"",
            Some(&[("parent_contexts", TermOperator::Having, "projects/1/x")]),
        );
        check("state", None);
        check("state=\"X", None);
        check("a=b OR c=d", None);
    }
}
