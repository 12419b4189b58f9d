//! The query of a JSON API call, parsed with production's errors.

use std::str::FromStr;

use super::failure::Failure;
use crate::{grpc::Request, rest};

/// The decoded pairs of a query; the last value of a key counts.
#[derive(Debug, Clone, Default)]
pub(super) struct UrlQuery(Vec<(String, String)>);

impl UrlQuery {
    /// Reads the query of `request`.
    pub(super) fn of(request: &Request) -> Self {
        Self(rest::query(request))
    }

    /// The value of `key`; an empty one counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(name, value)| name == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The value of `key`; empty if absent.
    pub(super) fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default().to_owned()
    }

    /// Whether `key` is `true`, which Google's Python client writes `True`.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The value of `key` as a number.
    pub(super) fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let read = value.parse().ok();
        read.map(Some)
            .ok_or_else(|| Failure::Invalid(format!("Invalid value for `{key}`: {value}")))
    }
}
