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

pub(crate) use self::message::Message;
use self::message::{AnyCodec, Told, read};

/// A request, before its path is matched.
pub(crate) type Request = http::Request<Body>;
/// An answer.
pub(crate) type Response = http::Response<Body>;

/// Maximum size of a message: above Cloud Storage's 4 MiB parts and Pub/Sub's 10 MB publishes.
const MESSAGE_MAX_BYTES: usize = 64 << 20;

// The types of requests and answers are erased before tonic sees them, and futures are boxed: its
// server code is generated once, not for each of some fifty methods.

/// A stream of outgoing messages.
type ToldStream = BoxStream<'static, Result<Told, Status>>;
/// A method, from its request or stream of requests to its answer or stream of answers.
type Method<Asked, Answer> =
    Box<dyn Fn(Asked) -> BoxFuture<'static, Result<Answer, Status>> + Send + Sync>;

/// Answers one message with one message.
pub(crate) fn unary<Q, R, F, Fut>(request: Request, answer: F) -> BoxFuture<'static, Response>
where
    Q: Message,
    R: Message,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Status>> + Send + 'static,
{
    let method: Method<Bytes, Told> = Box::new(move |asked| {
        let answer = answer.clone();
        Box::pin(async move {
            let told = answer(read(asked)?).await?;
            Ok(Box::new(told) as Told)
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
    Q: Message,
    R: Message,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let method: Method<Bytes, ToldStream> = Box::new(move |asked| {
        let answer = answer.clone();
        Box::pin(async move { Ok(told(answer(read(asked)?).await?)) })
    });
    server_stream_bytes(request, method)
}

/// Answers a stream with a stream.
pub(crate) fn bidi<Q, R, F, Fut, S>(request: Request, answer: F) -> BoxFuture<'static, Response>
where
    Q: Message,
    R: Message,
    F: FnOnce(BoxStream<'static, Result<Q, Status>>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let method: Method<tonic::Streaming<Bytes>, ToldStream> = Box::new(move |asked| {
        let answer = answer.clone();
        let asked = asked.map(|asked| asked.and_then(read)).boxed();
        Box::pin(async move { Ok(told(answer(asked).await?)) })
    });
    bidi_bytes(request, method)
}

fn told<R: Message>(stream: impl Stream<Item = Result<R, Status>> + Send + 'static) -> ToldStream {
    stream
        .map(|told| told.map(|told| Box::new(told) as Told))
        .boxed()
}

fn unary_bytes(request: Request, method: Method<Bytes, Told>) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |asked: tonic::Request<Bytes>| {
            let answer = method(asked.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().unary(service, inward(request)).await;
        answer.map(Body::new)
    })
}

fn server_stream_bytes(
    request: Request,
    method: Method<Bytes, ToldStream>,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |asked: tonic::Request<Bytes>| {
            let answer = method(asked.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().server_streaming(service, inward(request)).await;
        answer.map(Body::new)
    })
}

fn bidi_bytes(
    request: Request,
    method: Method<tonic::Streaming<Bytes>, ToldStream>,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        let service = tower::service_fn(move |asked: tonic::Request<tonic::Streaming<Bytes>>| {
            let answer = method(asked.into_inner());
            async move { answer.await.map(tonic::Response::new) }
        });
        let answer = grpc().streaming(service, inward(request)).await;
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

fn inward(request: Request) -> http::Request<tonic::body::Body> {
    request.map(tonic::body::Body::new)
}
