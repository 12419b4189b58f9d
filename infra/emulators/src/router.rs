//! All services behind one address; the path of a request selects the service.

use std::{net::SocketAddr, path::Path, sync::Arc};

use http::StatusCode;
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    clock::Clock,
    db::{Db, Hold},
    faults::Faults,
    firestore::Firestore,
    grpc::{self, Request, Response},
    identity::IdentityService,
    monitoring::Monitoring,
    options::{Error, Options},
    ports::Publish,
    pubsub::PubSub,
    rest,
    run::{CloudRunEmulator, TaskLine},
    scheduler::Scheduler,
    storage::Storage,
    vertex::Vertex,
};

/// Every service, with the clock and the faults.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    clock: Clock,
    faults: Faults,
    identity: IdentityService,
    storage: Storage,
    pubsub: PubSub,
    firestore: Firestore,
    vertex: Vertex,
    monitoring: Monitoring,
    scheduler: Scheduler,
    run: CloudRunEmulator,
}

impl Router {
    /// Opens the store and every service. URLs in answers begin with `address`.
    pub(crate) fn open(options: &Options, address: SocketAddr) -> Result<(Self, Hold), Error> {
        let clock = &options.clock;
        let (db, objects) = match &options.data {
            None => (
                Db::in_memory().map_err(data_error(Path::new("memory")))?,
                None,
            ),
            Some(dir) => {
                std::fs::create_dir_all(dir).map_err(data_error(dir))?;
                let db = Db::open(&dir.join("emulators.redb")).map_err(data_error(dir))?;
                (db, Some(dir.join("objects")))
            }
        };
        let whole = options.data.as_deref().unwrap_or(Path::new("memory"));
        // Resumable uploads continue at a Location with this address, so their later parts arrive
        // at the main listener, whichever listener they were started at.
        let base_url = format!("http://{address}");
        let identity = IdentityService::new(&options.project, clock)?;
        let mint = {
            let identity = identity.clone();
            Arc::new(move |email: &str, audience: &str| identity.mint(email, audience))
        };
        let pubsub = PubSub::open(db.clone(), clock.clone(), mint).map_err(data_error(whole))?;
        let publish: Publish = {
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
            Arc::clone(&publish),
        )
        .map_err(data_error(whole))?;
        let read_object = {
            let storage = storage.clone();
            Arc::new(move |bucket: &str, object: &str| storage.read_inside(bucket, object))
        };
        let store = db.hold();
        let router = Self {
            clock: clock.clone(),
            faults: Faults::new(clock.clone()),
            firestore: Firestore::open(db.clone(), clock.clone()).map_err(data_error(whole))?,
            vertex: Vertex::open(db.clone(), clock.clone(), read_object)
                .map_err(data_error(whole))?,
            monitoring: Monitoring::open(&db, clock.clone(), Arc::clone(&publish))
                .map_err(data_error(whole))?,
            run: CloudRunEmulator::open(&db, clock.clone(), &base_url)
                .map_err(data_error(whole))?,
            scheduler: Scheduler::open(&db, clock.clone(), publish).map_err(data_error(whole))?,
            identity,
            storage,
            pubsub,
        };
        Ok((router, store))
    }

    /// What tasks of jobs write to their standard output.
    pub(crate) fn task_lines(&self) -> broadcast::Sender<TaskLine> {
        self.run.lines()
    }

    /// Answers one request, subject to the armed faults.
    pub(crate) async fn answer(self, request: Request) -> Response {
        let path = request.uri().path();
        if path.starts_with("/emulator/") {
            return self.control(request).await;
        }
        let faults = self.faults.clone();
        faults
            .around(
                request,
                move |request| async move { self.route(request).await },
            )
            .await
    }

    /// The control APIs, which faults and the journal ignore.
    async fn control(&self, request: Request) -> Response {
        let path = request.uri().path();
        if path.starts_with("/emulator/pubsub") {
            return self.pubsub.rest(request).await;
        }
        if path.starts_with("/emulator/vertex") {
            return self.vertex.rest(request).await;
        }
        if path.starts_with("/emulator/monitoring") {
            return self.monitoring.rest(request).await;
        }
        if path.starts_with("/emulator/run") {
            return self.run.rest(request).await;
        }
        match path {
            "/emulator/clock" => rest::ok(&json!({
                "origin": self.clock.origin(),
                "speed": self.clock.speed(),
                "now": self.clock.now(),
            })),
            _ => self.faults.control(request).await,
        }
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
            ["storage" | "upload" | "download" | "resumable" | "b", ..] => {
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
            ["v2", "projects", _, "locations", ..] => self.run.rest(request).await,
            ["v2" | "v3", ..] => self.monitoring.rest(request).await,
            ["computeMetadata", ..] | ["certs" | "token"] => self.identity.rest(&request),
            [""] => http::Response::builder()
                .status(StatusCode::OK)
                .header("metadata-flavor", "Google")
                .body("Lapidary's emulators: a simulation of Google Cloud\n".into())
                .unwrap_or_default(),
            [bucket, _, ..] if self.storage.has_bucket(bucket) => {
                self.storage.read_path(request).await
            }
            _ => rest::Error::unimplemented(request.method(), &path).into_response(),
        }
    }
}

fn data_error<E>(path: &Path) -> impl FnOnce(E) -> Error
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = path.to_owned();
    move |error| Error::Data {
        path,
        source: error.into(),
    }
}
