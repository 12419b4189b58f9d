//! A call as faults and the journal see it.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use http::header;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tonic::Code;

use crate::grpc::{Request, Response};

/// Bytes of a body that are read ahead for matching: far above any document or job, and small
/// enough to hold twice on a laptop.
const BODY_READ_MAX_BYTES: usize = 1 << 20;

/// Characters of the journal's hint at the resources that a call names.
const RESOURCE_MAX_CHARS: usize = 200;

/// The wire type of strings, bytes and messages: <https://protobuf.dev/programming-guides/encoding/>.
const LENGTH_DELIMITED: usize = 2;

/// gRPC methods with streamed requests: waiting for the end of such a request could take for ever.
const STREAMED: [&str; 6] = [
    "Listen",
    "Write",
    "StreamingPull",
    "WriteObject",
    "BidiWriteObject",
    "BidiReadObject",
];

/// gRPC methods that change nothing, besides those that begin with `Get`, `List` or `BatchGet`.
///
/// A transaction has no effect before its commit, and an extended lease expires anyway.
const GRPC_READS: [&str; 12] = [
    "RunQuery",
    "RunAggregationQuery",
    "PartitionQuery",
    "Listen",
    "BeginTransaction",
    "Rollback",
    "Pull",
    "StreamingPull",
    "ModifyAckDeadline",
    "ReadObject",
    "BidiReadObject",
    "QueryWriteStatus",
];

/// Suffixes of paths that take a `POST` and change nothing that a caller could do twice.
const POST_READS: [&str; 10] = [
    ":generateContent",
    ":streamGenerateContent",
    ":countTokens",
    ":computeTokens",
    ":testIamPermissions",
    ":pull",
    ":modifyAckDeadline",
    "/entries:list",
    "/entries:write",
    "/token",
];

/// A call before it is served.
#[derive(Debug)]
pub(super) struct ObservedCall {
    pub(super) caller: String,
    pub(super) method: String,
    /// Percent-decoded.
    pub(super) path: String,
    /// Percent-decoded.
    pub(super) query: String,
    pub(super) grpc: bool,
    pub(super) mutates: bool,
    /// Absent for streams, uploads and bodies above the limit.
    body: Option<Bytes>,
}

/// Reads the parts of `request` that faults match, and its body if that is small and wanted;
/// returns the request intact.
pub(super) async fn read(
    request: Request,
    caller: &str,
    wants_body: bool,
) -> (ObservedCall, Request) {
    let grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let mut call = ObservedCall {
        caller: caller.to_owned(),
        method: request.method().to_string(),
        path: decoded(request.uri().path()),
        query: decoded(request.uri().query().unwrap_or_default()),
        grpc,
        mutates: false,
        body: None,
    };
    call.mutates = call.is_mutating();
    if !(call.mutates || wants_body) || call.is_long() {
        return (call, request);
    }
    let (body, request) = read_ahead(request).await;
    call.body = body;
    (call, request)
}

impl ObservedCall {
    fn verb(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn is_mutating(&self) -> bool {
        if self.grpc {
            let verb = self.verb();
            return !(["Get", "List", "BatchGet"]
                .iter()
                .any(|start| verb.starts_with(start))
                || GRPC_READS.contains(&verb));
        }
        match self.method.as_str() {
            "GET" | "HEAD" | "OPTIONS" => false,
            "POST" => !POST_READS.iter().any(|end| self.path.ends_with(end)),
            _ => true,
        }
    }

    fn is_long(&self) -> bool {
        if self.grpc {
            return STREAMED.contains(&self.verb());
        }
        self.path.starts_with("/upload/") || self.path.starts_with("/resumable/")
    }

    /// Whether the body was read and contains `part`.
    pub(super) fn body_contains(&self, part: &str) -> bool {
        let part = part.as_bytes();
        self.body.as_ref().is_some_and(|body| {
            part.is_empty() || body.windows(part.len()).any(|window| window == part)
        })
    }

    /// The resource names in path, query and body, cut to a limit: a hint, not a complete list.
    pub(super) fn resource(&self) -> String {
        let bytes = self.body.as_deref().unwrap_or_default();
        let body = String::from_utf8_lossy(bytes);
        // A new document's collection and id are separate fields. They come first, since the names that
        // its fields mention may fill the line.
        let mut names = if self.grpc {
            own_names(bytes)
        } else {
            Vec::new()
        };
        for text in [self.path.as_str(), self.query.as_str(), &body] {
            for name in resource_names(text) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names.join(" ").chars().take(RESOURCE_MAX_CHARS).collect()
    }
}

fn resource_names(text: &str) -> impl Iterator<Item = &str> {
    const STARTS: [&str; 3] = ["projects/", "gs://", "name="];
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = STARTS.iter().filter_map(|start| rest.find(start)).min()?;
        let (_, name) = rest.split_at_checked(start)?;
        let end = name.find(|c: char| !is_of_name(c)).unwrap_or(name.len());
        let (name, after) = name.split_at_checked(end)?;
        rest = after;
        Some(name)
    })
}

/// The strings among the first fields of a gRPC message that may be names; values are nested deeper.
fn own_names(framed: &[u8]) -> Vec<&str> {
    // A flag and a length precede the message.
    let mut rest = framed.get(5..).unwrap_or_default();
    let mut names = Vec::new();
    while let Ok(tag) = prost::decode_length_delimiter(&mut rest)
        && tag & 7 == LENGTH_DELIMITED
        && let Ok(length) = prost::decode_length_delimiter(&mut rest)
        && let Some((field, after)) = rest.split_at_checked(length)
    {
        rest = after;
        match std::str::from_utf8(field) {
            Ok(text) if !text.is_empty() && text.chars().all(is_of_name) => names.push(text),
            Ok(_) | Err(_) => {}
        }
    }
    names
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:()=+@~%".contains(c)
}

/// The status in the journal: the name of a gRPC code, or the HTTP status.
pub(super) fn status_of(response: &Response) -> String {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        return response.status().as_u16().to_string();
    }
    // A failed call has its status in the headers; a successful one has it in the trailers.
    let code = response
        .headers()
        .get("grpc-status")
        .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    format!("{code:?}")
}

async fn read_ahead(request: Request) -> (Option<Bytes>, Request) {
    if request.body().size_hint().lower() > BODY_READ_MAX_BYTES as u64 {
        return (None, request);
    }
    let (parts, mut body) = request.into_parts();
    let mut ahead = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => ahead.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            // The service sees the same error at the point where the caller's body ended.
            Err(error) => {
                let read = stream::iter([Ok(ahead.freeze()), Err(error)]);
                return (None, Request::from_parts(parts, Body::from_stream(read)));
            }
        }
        if ahead.len() > BODY_READ_MAX_BYTES {
            let read = stream::iter([Ok(ahead.freeze())]).chain(body.into_data_stream());
            return (None, Request::from_parts(parts, Body::from_stream(read)));
        }
    }
    let ahead = ahead.freeze();
    let request = Request::from_parts(parts, Body::from(ahead.clone()));
    (Some(ahead), request)
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
