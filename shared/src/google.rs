//! The way to Google's services: addresses in, clients out.
//!
//! Production addresses are the default. A laptop sets the variables that Google's own
//! clients read, and nothing else differs.

pub mod documents;
pub mod events;
pub mod objects;
pub mod vertex;

use google_cloud_auth::credentials::Credentials;

use crate::{
    clock::Clock,
    config::Reader,
    error::Source,
    google::{documents::Documents, events::Events, objects::Objects, vertex::Vertex},
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
    vertex: Option<String>,
}

impl Google {
    /// Reads `GOOGLE_CLOUD_PROJECT`, `TUNING_REGION`, and the addresses that differ on a laptop:
    /// `STORAGE_EMULATOR_HOST`, `PUBSUB_EMULATOR_HOST`, `VERTEX_ENDPOINT`. The Firestore client
    /// reads `FIRESTORE_EMULATOR_HOST`, the credentials `GCE_METADATA_HOST` by themselves.
    pub fn read(function: &'static str, read: &mut Reader<'_>) -> Option<Self> {
        let project = read.required("GOOGLE_CLOUD_PROJECT");
        let region = read.or("TUNING_REGION", "us-central1".to_owned());
        let storage = read.optional("STORAGE_EMULATOR_HOST");
        let pubsub = read.optional::<String>("PUBSUB_EMULATOR_HOST");
        let vertex = read.optional("VERTEX_ENDPOINT");
        Some(Self {
            function,
            project: project?,
            region: region?,
            storage: storage?,
            // Google's clients read a bare `host:port` here.
            pubsub: pubsub?.map(|host| format!("http://{host}")),
            vertex: vertex?,
        })
    }

    /// The region that tuning jobs run in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Firestore.
    pub async fn documents(&self) -> Result<Documents, StartError> {
        Documents::connect(&self.project).await
    }

    /// Cloud Storage.
    pub async fn objects(&self) -> Result<Objects, StartError> {
        Objects::connect(self.storage.as_deref(), credentials()?).await
    }

    /// Pub/Sub, as a publisher of facts.
    pub fn events(&self, clock: Clock) -> Result<Events, StartError> {
        Ok(Events::new(
            self.function,
            &self.project,
            self.pubsub.clone(),
            credentials()?,
            clock,
        ))
    }

    /// Vertex AI.
    pub fn vertex(&self) -> Result<Vertex, StartError> {
        Vertex::new(
            &self.project,
            &self.region,
            self.vertex.clone(),
            credentials()?,
        )
    }
}

fn credentials() -> Result<Credentials, StartError> {
    google_cloud_auth::credentials::Builder::default()
        .build()
        .map_err(|error| StartError::of("credentials")(error.into()))
}
