//! Traces: which log lines belong to one request, and to one version of a dataset.

use std::fmt;

use serde_json::{Map, Value};

use crate::id::{RunId, VersionId, digest};

/// A trace that a request belongs to, as W3C's `traceparent` or Google's older header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    pub(crate) id: String,
    pub(crate) span: String,
    pub(crate) sampled: bool,
}

impl Trace {
    /// The trace of all that follows from a version: derived, so that every function that knows the
    /// version, minutes or days later, after any crash, writes into the same one.
    pub fn of(version: &VersionId) -> Self {
        Self::derived(version.as_str())
    }

    fn derived(version: &str) -> Self {
        let mut id = digest(&["trace", version]);
        let span = id.split_off(64 - 16);
        id.truncate(32);
        Self {
            id,
            span,
            sampled: true,
        }
    }

    /// The trace of what a log line is about, by its fields; else the one of its request.
    pub(crate) fn of_line(fields: &Map<String, Value>) -> Option<Self> {
        let field = |name| fields.get(name).and_then(Value::as_str);
        let version = field("dataset.version").map(str::to_owned);
        let version = version.or_else(|| {
            let run: RunId = field("run.id")?.parse().ok()?;
            Some(run.version().as_str().to_owned())
        });
        match version {
            Some(version) => Some(Self::derived(&version)),
            None => Self::parse(field("trace")?),
        }
    }

    /// Reads it from the headers, or the attributes of a message, through `get`.
    pub fn of_headers<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        ["traceparent", "googclient_traceparent"]
            .into_iter()
            .find_map(|name| Self::parse(get(name)?))
            .or_else(|| Self::parse_cloud(get("x-cloud-trace-context")?))
    }

    /// Parses `00-{32 hex}-{16 hex}-{flags}`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (_, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, chars| {
            text.len() == chars && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        (hex(id, 32) && hex(span, 16)).then(|| Self {
            id: id.to_owned(),
            span: span.to_owned(),
            sampled: flags.ends_with('1'),
        })
    }

    /// Parses `{32 hex}/{decimal};o={0|1}`.
    fn parse_cloud(text: &str) -> Option<Self> {
        let (id, rest) = text.split_once('/')?;
        let (span, options) = rest.split_once(';').unwrap_or((rest, ""));
        let span: u64 = span.parse().ok()?;
        let flag = i32::from(options == "o=1");
        Self::parse(&format!("00-{id}-{span:016x}-0{flag}"))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = i32::from(self.sampled);
        write!(f, "00-{}-{}-0{flag}", self.id, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_trace_headers_are_read() {
        let w3c = "00-0af7651916cd43dd8448eb211c80319c-00000000000000ff-01";
        let cloud = "0af7651916cd43dd8448eb211c80319c/255;o=1";
        let of = |name: &'static str, text: &'static str| {
            Trace::of_headers(move |wanted| (wanted == name).then_some(text))
        };
        assert_eq!(of("traceparent", w3c), of("x-cloud-trace-context", cloud));
        assert_eq!(of("traceparent", w3c).unwrap().to_string(), w3c);
        assert_eq!(of("traceparent", "00-xyz-1-0"), None);
    }
}
