//! Serves prost messages over tonic without generated server traits.
//!
//! The client crates carry message types only; a service here is one `match` on
//! the method's name that calls [`unary`], [`server_stream`] or [`bidi`].

use std::future::Future;

use axum::body::Body;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use tonic::{Status, server::Grpc};
use tonic_prost::ProstCodec;

/// A request as the front door hands it over.
pub(crate) type Request = http::Request<Body>;
/// What goes back through the front door.
pub(crate) type Response = http::Response<Body>;

/// A prost message that can cross the wire.
pub(crate) trait Message: prost::Message + Default + Send + Sync + 'static {}
impl<T: prost::Message + Default + Send + Sync + 'static> Message for T {}

/// Bytes of one message: above Cloud Storage's 4 MiB parts and Pub/Sub's 10 MB publishes.
const MESSAGE_MAX_BYTES: usize = 64 << 20;

/// Answers one message with one message.
pub(crate) async fn unary<Q, R, F, Fut>(request: Request, answer: F) -> Response
where
    Q: Message,
    R: Message,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Status>> + Send + 'static,
{
    let service = tower::service_fn(move |request: tonic::Request<Q>| {
        let answer = answer.clone();
        async move { answer(request.into_inner()).await.map(tonic::Response::new) }
    });
    Grpc::new(ProstCodec::<R, Q>::default())
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .unary(service, inward(request))
        .await
        .map(Body::new)
}

/// Answers one message with a stream.
pub(crate) async fn server_stream<Q, R, F, Fut, S>(request: Request, answer: F) -> Response
where
    Q: Message,
    R: Message,
    F: FnOnce(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let service = tower::service_fn(move |request: tonic::Request<Q>| {
        let answer = answer.clone();
        async move {
            let stream = answer(request.into_inner()).await?;
            Ok::<_, Status>(tonic::Response::new(stream.boxed()))
        }
    });
    Grpc::new(ProstCodec::<R, Q>::default())
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .server_streaming(service, inward(request))
        .await
        .map(Body::new)
}

/// Answers a stream with a stream.
pub(crate) async fn bidi<Q, R, F, Fut, S>(request: Request, answer: F) -> Response
where
    Q: Message,
    R: Message,
    F: FnOnce(BoxStream<'static, Result<Q, Status>>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<S, Status>> + Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
{
    let service = tower::service_fn(move |request: tonic::Request<tonic::Streaming<Q>>| {
        let answer = answer.clone();
        async move {
            let stream = answer(request.into_inner().boxed()).await?;
            Ok::<_, Status>(tonic::Response::new(stream.boxed()))
        }
    });
    Grpc::new(ProstCodec::<R, Q>::default())
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .streaming(service, inward(request))
        .await
        .map(Body::new)
}

/// The answer of a method that is not here yet.
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
