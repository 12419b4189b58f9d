//! Downloads over HTTP, of whole objects or ranges.

use std::ops::Range;

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    condition::Conditions,
    copy::missing_file,
    failure::Failure,
    object::{ObjectMetadata, ObjectName},
    query::UrlQuery,
    store::{Store, StoredObject},
};
use crate::grpc::Response;

/// The type of an object without one: cloud.google.com/storage/docs/metadata#content-type.
const CONTENT_TYPE: &str = "application/octet-stream";

/// Answers `alt=media`.
pub(super) async fn answer(
    store: &Store,
    name: &ObjectName,
    query: &UrlQuery,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let generation = query.number("generation")?;
    let StoredObject { object, content } = store.find(name, generation, Conditions::of(query)?)?;
    let wanted = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let range = match wanted.and_then(Wanted::parse) {
        None => None,
        Some(wanted) => Some(wanted.within(object.size_bytes)?),
    };
    let bytes = range.clone().unwrap_or(0..object.size_bytes);
    let length = bytes.end - bytes.start;
    let pieces = content.read(bytes).await;
    let pieces = pieces.map_err(|error| missing_file(error.into(), name))?;
    let mut response = http::Response::new(Body::from_stream(pieces));
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_LENGTH, &length.to_string());
    set(header::ACCEPT_RANGES, "bytes");
    describe(&object, &mut set);
    if let Some(range) = range {
        let last = range.end - 1;
        let value = format!("bytes {}-{last}/{}", range.start, object.size_bytes);
        set(header::CONTENT_RANGE, &value);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The headers that describe an object; Google's Rust client fails without `x-goog-generation`.
fn describe(object: &ObjectMetadata, set: &mut impl FnMut(HeaderName, &str)) {
    let given = &object.attributes;
    let stored_encoding = given.content_encoding.as_deref().unwrap_or("identity");
    let always = [
        (
            header::CONTENT_TYPE,
            given.content_type.as_deref().unwrap_or(CONTENT_TYPE),
        ),
        (header::ETAG, &object.etag()),
        (
            header::LAST_MODIFIED,
            &object
                .updated
                .format("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
        ),
        (
            HeaderName::from_static("x-goog-generation"),
            &object.generation.to_string(),
        ),
        (
            HeaderName::from_static("x-goog-metageneration"),
            &object.metageneration.to_string(),
        ),
        (HeaderName::from_static("x-goog-hash"), &object.hashes()),
        (
            HeaderName::from_static("x-goog-stored-content-length"),
            &object.size_bytes.to_string(),
        ),
        (
            HeaderName::from_static("x-goog-stored-content-encoding"),
            stored_encoding,
        ),
    ];
    for (name, value) in always {
        set(name, value);
    }
    let sometimes = [
        (header::CONTENT_ENCODING, &given.content_encoding),
        (header::CONTENT_DISPOSITION, &given.content_disposition),
        (header::CONTENT_LANGUAGE, &given.content_language),
        (header::CACHE_CONTROL, &given.cache_control),
        (
            HeaderName::from_static("x-goog-storage-class"),
            &given.storage_class,
        ),
    ];
    for (name, value) in sometimes {
        if let Some(value) = value {
            set(name, value);
        }
    }
    for (key, value) in &given.metadata {
        if let Ok(name) = HeaderName::try_from(format!("x-goog-meta-{key}")) {
            set(name, value);
        }
    }
}

/// One range of RFC 9110.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    From {
        start: u64,
        last: Option<u64>,
    },
    /// The last `length` bytes.
    Tail {
        length: u64,
    },
}

impl Wanted {
    /// `None` for anything but one range of bytes: such a header is ignored.
    fn parse(text: &str) -> Option<Self> {
        let (start, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
        if start.is_empty() {
            let length = last.parse().ok()?;
            return Some(Self::Tail { length });
        }
        let start = start.parse().ok()?;
        let last = match last {
            "" => None,
            digits => Some(digits.parse().ok()?),
        };
        last.is_none_or(|last| last >= start)
            .then_some(Self::From { start, last })
    }

    fn within(self, size_bytes: u64) -> Result<Range<u64>, Failure> {
        let range = match self {
            Self::From { start, last } => {
                start..last.map_or(size_bytes, |last| last.saturating_add(1).min(size_bytes))
            }
            Self::Tail { length } => size_bytes.saturating_sub(length)..size_bytes,
        };
        if range.is_empty() {
            return Err(Failure::Range { size_bytes });
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, size_bytes: u64, want: &str) {
        let got = match Wanted::parse(header).map(|wanted| wanted.within(size_bytes)) {
            None => "whole".to_owned(),
            Some(Err(_)) => "416".to_owned(),
            Some(Ok(range)) => format!("{}..{}", range.start, range.end),
        };
        assert_eq!(got, want, "{header} of {size_bytes}");
    }

    #[test]
    fn a_range_is_limited_to_the_object() {
        check("bytes=0-3", 10, "0..4");
        check("bytes=3-", 10, "3..10");
        check("bytes=3-99", 10, "3..10");
        check("bytes=-4", 10, "6..10");
        check("bytes=-40", 10, "0..10");
        check("bytes=-0", 10, "416");
        check("bytes=10-", 10, "416");
        check("bytes=0-", 0, "416");
        check("bytes=0-18446744073709551615", 10, "0..10");
        check("bytes=5-3", 10, "whole");
        check("bytes=0-1,4-5", 10, "whole");
        check("lines=0-1", 10, "whole");
    }
}
