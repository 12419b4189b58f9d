//! A listener, and the connections that it accepts.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use futures::future::BoxFuture;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    connection::Connection,
    grpc::{Request, Response},
    router::Router,
};

/// The pause after a failed accept: without free file handles, the next one would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` changes, then lets calls in progress end.
pub(crate) async fn serve(
    listener: TcpListener,
    name: Arc<str>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Connections are in the set, so they end with this task even if it is aborted.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection::new(Arc::clone(&name));
                    connections.spawn(converse(stream, connection, router.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Boxed, and not a closure: otherwise the code of all services would exist for each HTTP version.
fn answer(router: Router, request: Request) -> BoxFuture<'static, Result<Response, Infallible>> {
    Box::pin(async move { Ok(router.answer(request).await) })
}

async fn converse(
    stream: TcpStream,
    connection: Connection,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Without TCP_NODELAY, small gRPC answers wait about 40 ms for an acknowledgement.
    drop(stream.set_nodelay(true));
    let broken = connection.broken();
    let service = hyper::service::service_fn(move |request: http::Request<_>| {
        let mut request = request.map(Body::new::<hyper::body::Incoming>);
        request.extensions_mut().insert(connection.clone());
        answer(router.clone(), request)
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopping = false;
    loop {
        tokio::select! {
            result = serving.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended with an error");
                }
                return;
            }
            () = broken.notified() => return,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
