//! Answers that break on the wire.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};

use crate::{front::door::Connection, grpc::Response};

/// What the connection gets to pass on the promised bytes before it breaks: HTTP/2 writes
/// them from another task.
const FLUSH: Duration = Duration::from_millis(50);

/// `response` with only the first `bytes` of its body, after which the connection breaks.
pub(super) fn truncated(response: Response, bytes: usize, connection: Connection) -> Response {
    let (mut parts, body) = response.into_parts();
    // The length goes, or HTTP/1 would hold the answer back until it knew it whole.
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
