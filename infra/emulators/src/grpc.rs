//! Serves prost messages over tonic without generated server traits.
//!
//! The client crates contain message types only; a service here is one `match` on the method's name
//! that calls [`unary`], [`server_stream`] or [`bidi`].

mod message;

use std::future::Future;

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, future::BoxFuture, stream::BoxStream};
use tonic::{Status, server::Grpc};

pub(crate) use self::message::ProstMessage;
use self::message::{AnyCodec, OutgoingMessage, read};

/// A request, before its path is matched.
pub(crate) type Request = http::Request<Body>;
/// An answer.
pub(crate) type Response = http::Response<Body>;

/// Maximum size of a message: above Cloud Storage's 4 MiB parts and Pub/Sub's 10 MB publishes.
const MESSAGE_MAX_BYTES: usize = 64 << 20;

// The types of requests and answers are erased before tonic sees them, and futures are boxed: its
// server code is generated once, not for each of some fifty methods.

/// A stream of outgoing messages.
type OutgoingStream = BoxStream<'static, Result<OutgoingMessage, Status>>;
/// A method, from its request or stream of requests to its answer or stream of answers.
type Method<Input, Output> =
    Box<dyn Fn(Input) -> BoxFuture<'static, Result<Output, Status>> + Send + Sync>;

/// Answers one message with one message.
pub(crate) fn unary<Q, R, F, Fut>(request: Request, answer: F) -> BoxFuture<'static, Response>
where
    Q: ProstMessage,
    R: ProstMessage,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Status>> + Send + 'static,
{
    let method: Method<Bytes, OutgoingMessage> = Box::new(move |request| {
        let answer = answer.clone();
        Box::pin(async move {
            let message = answer(read(request)?).await?;
            Ok(Box::new(message) as OutgoingMessage)
        })
    });
    unary_bytes(request, method)
}

/// Answers one message with a stream.
pub(crate) fn server_stream<Q, R, F, Fut, S>(
    request: Request,
    answer: F,
) -> BoxFuture<'static, Response>
where
    Q: ProstMessage,
    R: ProstMessage,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let method: Method<Bytes, OutgoingStream> = Box::new(move |request| {
        let answer = answer.clone();
        Box::pin(async move { Ok(outgoing(answer(read(request)?).await?)) })
    });
    server_stream_bytes(request, method)
}

/// Answers a stream with a stream.
pub(crate) fn bidi<Q, R, F, Fut, S>(request: Request, answer: F) -> BoxFuture<'static, Response>
where
    Q: ProstMessage,
    R: ProstMessage,
    F: FnOnce(BoxStream<'static, Result<Q, Status>>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let method: Method<tonic::Streaming<Bytes>, OutgoingStream> = Box::new(move |request| {
        let answer = answer.clone();
        let request = request.map(|request| request.and_then(read)).boxed();
        Box::pin(async move { Ok(outgoing(answer(request).await?)) })
    });
    bidi_bytes(request, method)
}

fn outgoing<R: ProstMessage>(
    stream: impl Stream<Item = Result<R, Status>> + Send + 'static,
) -> OutgoingStream {
    stream
        .map(|message| message.map(|message| Box::new(message) as OutgoingMessage))
        .boxed()
}

fn unary_bytes(
    request: Request,
    method: Method<Bytes, OutgoingMessage>,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |request: tonic::Request<Bytes>| {
            let answer = method(request.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().unary(service, to_tonic(request)).await;
        answer.map(Body::new)
    })
}

fn server_stream_bytes(
    request: Request,
    method: Method<Bytes, OutgoingStream>,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |request: tonic::Request<Bytes>| {
            let answer = method(request.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().server_streaming(service, to_tonic(request)).await;
        answer.map(Body::new)
    })
}

fn bidi_bytes(
    request: Request,
    method: Method<tonic::Streaming<Bytes>, OutgoingStream>,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |request: tonic::Request<tonic::Streaming<Bytes>>| {
            let answer = method(request.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().streaming(service, to_tonic(request)).await;
        answer.map(Body::new)
    })
}

fn grpc() -> Grpc<AnyCodec> {
    Grpc::new(AnyCodec).max_decoding_message_size(MESSAGE_MAX_BYTES)
}

/// The answer for a method that is not served.
pub(crate) fn unimplemented(path: &str) -> Response {
    tracing::warn!(
        path,
        "a method that this emulator does not serve was called"
    );
    Status::unimplemented(format!("the emulator does not serve `{path}`"))
        .into_http::<tonic::body::Body>()
        .map(Body::new)
}

fn to_tonic(request: Request) -> http::Request<tonic::body::Body> {
    request.map(tonic::body::Body::new)
}
