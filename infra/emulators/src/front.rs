//! The front door: one listener, every service behind it, told apart by path.

use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc};

use axum::serve::ListenerExt as _;
use http::StatusCode;
use tokio::net::TcpListener;

use crate::{
    Emulators, Error, Options,
    db::Db,
    faults::Faults,
    firestore::Firestore,
    grpc::{self, Request, Response},
    identity::Identity,
    monitoring::Monitoring,
    pubsub::PubSub,
    rest,
    scheduler::Scheduler,
    storage::Storage,
    vertex::Vertex,
};

/// Every service, and what stands before them.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    faults: Faults,
    identity: Identity,
    storage: Storage,
    pubsub: PubSub,
    firestore: Firestore,
    vertex: Vertex,
    monitoring: Monitoring,
    scheduler: Scheduler,
}

pub(crate) async fn start(options: Options) -> Result<Emulators, Error> {
    let port = options.port;
    let listen = |source| Error::Listen { port, source };
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let front = Front::open(&options, address)?;
    let service = tower::service_fn(move |request: Request| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request).await) }
    });
    let app = axum::Router::new().fallback_service(service);
    // Without TCP_NODELAY small gRPC answers wait some 40 ms for an acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let server = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "the emulators stopped serving");
        }
    });
    Ok(Emulators { address, server })
}

impl Front {
    fn open(options: &Options, address: SocketAddr) -> Result<Self, Error> {
        let clock = &options.clock;
        let (db, objects) = match &options.data {
            None => (
                Db::in_memory().map_err(data_fault(Path::new("memory")))?,
                None,
            ),
            Some(dir) => {
                std::fs::create_dir_all(dir).map_err(data_fault(dir))?;
                let db = Db::open(&dir.join("emulators.redb")).map_err(data_fault(dir))?;
                (db, Some(dir.join("objects")))
            }
        };
        let whole = options.data.as_deref().unwrap_or(Path::new("memory"));
        let base_url = format!("http://{address}");
        let identity = Identity::new(&options.project, clock)?;
        let mint = {
            let identity = identity.clone();
            Arc::new(move |email: &str, audience: &str| identity.mint(email, audience))
        };
        let pubsub = PubSub::open(db.clone(), clock.clone(), mint).map_err(data_fault(whole))?;
        let publish = {
            let pubsub = pubsub.clone();
            Arc::new(move |topic: &str, data, attributes| {
                pubsub.publish_inside(topic, data, attributes);
            })
        };
        let storage = Storage::open(
            db.clone(),
            clock.clone(),
            objects.as_deref(),
            &base_url,
            publish.clone(),
        )
        .map_err(data_fault(whole))?;
        let read_object = {
            let storage = storage.clone();
            Arc::new(move |bucket: &str, object: &str| storage.read_inside(bucket, object))
        };
        Ok(Self {
            faults: Faults::new(clock.clone()),
            firestore: Firestore::open(db.clone(), clock.clone()).map_err(data_fault(whole))?,
            vertex: Vertex::open(db.clone(), clock.clone(), read_object)
                .map_err(data_fault(whole))?,
            monitoring: Monitoring::open(db.clone(), clock.clone(), publish.clone())
                .map_err(data_fault(whole))?,
            scheduler: Scheduler::open(db, clock.clone(), publish).map_err(data_fault(whole))?,
            identity,
            storage,
            pubsub,
        })
    }

    /// Answers one request, after the faults that are armed for it.
    async fn answer(self, request: Request) -> Response {
        if request.uri().path().starts_with("/emulator/faults") {
            return self.faults.control(request).await;
        }
        let faults = self.faults.clone();
        faults
            .around(
                request,
                move |request| async move { self.route(request).await },
            )
            .await
    }

    async fn route(self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let segments = rest::segments(&path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["google.storage.v2.Storage", method] => self.storage.grpc(method, request).await,
            [
                "google.pubsub.v1.Publisher" | "google.pubsub.v1.Subscriber",
                method,
            ] => self.pubsub.grpc(method, request).await,
            ["google.firestore.v1.Firestore", method] => self.firestore.grpc(method, request).await,
            [service, _] if service.starts_with("google.") => grpc::unimplemented(&path),
            ["storage" | "upload" | "download" | "resumable", ..] => {
                self.storage.rest(request).await
            }
            [
                "v1",
                "projects",
                _,
                "topics" | "subscriptions" | "snapshots",
                ..,
            ] => self.pubsub.rest(request).await,
            ["v1", "projects", _, "locations", _, "jobs", ..] => self.scheduler.rest(request).await,
            ["v1" | "v1beta1", "projects", ..] => self.vertex.rest(request).await,
            ["v2", ..] | ["v3", ..] => self.monitoring.rest(request).await,
            ["computeMetadata", ..] | ["certs"] | ["token"] => self.identity.rest(request).await,
            [""] => http::Response::builder()
                .status(StatusCode::OK)
                .header("metadata-flavor", "Google")
                .body("Lapidary's emulators: a simulation of Google Cloud\n".into())
                .unwrap_or_default(),
            _ => rest::Error::unimplemented(request.method(), &path).into_response(),
        }
    }
}

fn data_fault<E>(path: &Path) -> impl FnOnce(E) -> Error
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = path.to_owned();
    move |error| Error::Data {
        path,
        source: error.into(),
    }
}
