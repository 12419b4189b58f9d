//! Answers that break off in the middle of their body.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::{connection::Connection, grpc::Response};

/// How long the connection has to send the promised bytes before it breaks: with HTTP/2 another
/// task writes them.
const FLUSH: Duration = Duration::from_millis(50);

/// `response` with only the first `bytes` of its body, after which the connection breaks.
pub(super) fn truncated(response: Response, bytes: usize, connection: Connection) -> Response {
    let (mut parts, body) = response.into_parts();
    // Without its length removed, HTTP/1 would hold the answer back until the body is complete.
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let mut left = bytes;
    let start = body.into_data_stream().scan((), move |(), chunk| {
        let kept = chunk.map(|mut chunk| {
            chunk.truncate(left);
            left -= chunk.len();
            chunk
        });
        let more = !kept.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready(more.then_some(kept))
    });
    let end = stream::once(async move {
        tokio::time::sleep(FLUSH).await;
        match connection.break_off().await {}
    });
    Response::from_parts(parts, Body::from_stream(start.chain(end)))
}
