//! The way to Google's services: addresses in, clients out.
//!
//! Production addresses are the default. A laptop sets the variables that Google's own
//! clients read, and nothing else differs.
//!
//! What a function calls here gives back a boxed future, or is a thin wrapper around one. Async
//! code is generated in the crate that polls it, so that without the box each function would hold
//! Google's clients again: minutes to compile, megabytes to link. One allocation is nothing
//! beside a call over the network.

pub mod documents;
pub mod events;
pub mod objects;
pub mod run;
pub mod vertex;

use futures::future::BoxFuture;
use google_cloud_auth::credentials::{self, Credentials, mds};

use crate::{
    clock::Clock,
    config::Reader,
    error::Source,
    google::{documents::Documents, events::Events, objects::Objects, run::Run, vertex::Vertex},
};

/// Why a client does not start.
#[derive(Debug, thiserror::Error)]
#[error("the {client} client does not start")]
pub struct StartError {
    client: &'static str,
    #[source]
    source: Source,
}

impl StartError {
    /// `client` could not be made.
    pub fn of(client: &'static str) -> impl Fn(Source) -> Self {
        move |source| Self { client, source }
    }
}

/// Where Google's services are, for one function.
#[derive(Debug, Clone)]
pub struct Google {
    function: &'static str,
    project: String,
    region: String,
    storage: Option<String>,
    pubsub: Option<String>,
    firestore: Option<String>,
    vertex: Option<String>,
    run: Option<String>,
    metadata: Option<String>,
}

impl Google {
    /// Reads `GOOGLE_CLOUD_PROJECT`, `TUNING_REGION`, and the addresses that differ on a laptop:
    /// `STORAGE_EMULATOR_HOST`, `PUBSUB_EMULATOR_HOST`, `FIRESTORE_EMULATOR_HOST`,
    /// `VERTEX_ENDPOINT`, `RUN_ENDPOINT`, `GCE_METADATA_HOST`.
    pub fn read(function: &'static str, read: &mut Reader<'_>) -> Option<Self> {
        let project = read.required("GOOGLE_CLOUD_PROJECT");
        let region = read.or("TUNING_REGION", "us-central1".to_owned());
        let storage = read.optional("STORAGE_EMULATOR_HOST");
        let pubsub = read.optional::<String>("PUBSUB_EMULATOR_HOST");
        let firestore = read.optional::<String>("FIRESTORE_EMULATOR_HOST");
        let vertex = read.optional("VERTEX_ENDPOINT");
        let run = read.optional("RUN_ENDPOINT");
        let metadata = read.optional("GCE_METADATA_HOST");
        Some(Self {
            function,
            project: project?,
            region: region?,
            storage: storage?,
            // Google's clients read a bare `host:port` here.
            pubsub: pubsub?.map(|host| format!("http://{host}")),
            firestore: firestore?.map(|host| format!("http://{host}")),
            vertex: vertex?,
            run: run?,
            metadata: metadata?.map(|host: String| format!("http://{host}")),
        })
    }

    /// The region that tuning jobs run in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Firestore.
    pub fn documents(&self) -> BoxFuture<'_, Result<Documents, StartError>> {
        Box::pin(async move {
            let url = self.firestore.clone();
            Documents::connect(&self.project, url, self.credentials()?).await
        })
    }

    /// Cloud Storage.
    pub fn objects(&self) -> BoxFuture<'_, Result<Objects, StartError>> {
        Box::pin(
            async move { Objects::connect(self.storage.as_deref(), self.credentials()?).await },
        )
    }

    /// Pub/Sub, as a publisher of facts.
    pub fn events(&self, clock: Clock) -> Result<Events, StartError> {
        Ok(Events::new(
            self.function,
            &self.project,
            self.pubsub.clone(),
            self.credentials()?,
            clock,
        ))
    }

    /// Vertex AI.
    pub fn vertex(&self) -> Result<Vertex, StartError> {
        Vertex::new(
            &self.project,
            &self.region,
            self.vertex.clone(),
            self.credentials()?,
        )
    }

    /// Cloud Run, as an administrator of jobs.
    pub fn run(&self) -> Result<Run, StartError> {
        Run::new(self.run.as_deref(), self.credentials()?)
    }

    /// Application default credentials, or those of the metadata server that is named.
    fn credentials(&self) -> Result<Credentials, StartError> {
        let built = match &self.metadata {
            Some(url) => mds::Builder::default().with_endpoint(url).build(),
            None => credentials::Builder::default().build(),
        };
        built.map_err(|error| StartError::of("credentials")(error.into()))
    }
}
