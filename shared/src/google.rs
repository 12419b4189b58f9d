//! Clients of Google's services, made from their addresses.
//!
//! Production addresses are the default. A laptop sets the variables that Google's own
//! clients read, and nothing else differs.
//!
//! What a function calls here returns a boxed future, or is a thin wrapper around one. Async code
//! is generated in the crate that polls it, so that without the box each function would hold
//! Google's clients again: minutes to compile, megabytes to link. One allocation costs nothing
//! compared with a call over the network.

pub mod documents;
pub mod events;
pub mod objects;
pub mod policies;
pub mod rest;
pub mod run;
pub mod run_queue;
pub mod spend_book;
pub mod vertex;

mod failure;

use std::time::Duration;

use futures::future::BoxFuture;
use google_cloud_auth::credentials::{self, Credentials, mds};
use reqwest::Method;

use crate::{
    clock::Clock,
    config::Reader,
    google::{
        documents::Documents,
        events::Events,
        objects::Objects,
        rest::{Rest, Transport},
        run::CloudRun,
        vertex::Vertex,
    },
    outcome::Source,
};

/// A service that is called by REST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Cloud Run's administration.
    Run,
    /// Pub/Sub's administration.
    PubSub,
    /// Cloud Monitoring.
    Monitoring,
    /// Cloud Logging.
    Logging,
    /// Cloud Storage's administration.
    Storage,
    /// Firestore's administration.
    Firestore,
    /// Cloud Scheduler.
    Scheduler,
    /// Resource Manager: the projects.
    Projects,
    /// Service Usage: the APIs that a project has enabled, and its quotas.
    Services,
    /// Identity-Aware Proxy.
    Proxy,
    /// Cloud Build.
    Builds,
    /// Google's accounts: the address of a person.
    People,
}

/// Longest that the metadata server may take: it is on the same machine.
const IDENTITY_MAX: Duration = Duration::from_secs(5);
/// The metadata server, which gives a process on Google Cloud its identity.
const METADATA: &str = "http://metadata.google.internal";

/// Why a client does not start.
#[derive(Debug, thiserror::Error)]
#[error("the {client} client does not start")]
pub struct StartError {
    client: &'static str,
    #[source]
    source: Source,
}

impl StartError {
    /// `client` could not be created.
    pub fn of(client: &'static str) -> impl Fn(Source) -> Self {
        move |source| Self { client, source }
    }
}

/// The addresses of Google's services, for one function.
#[derive(Debug, Clone)]
pub struct Google {
    function: &'static str,
    http: reqwest::Client,
    project: String,
    region: String,
    storage: Option<String>,
    pubsub: Option<String>,
    firestore: Option<String>,
    vertex: Option<String>,
    run: Option<String>,
    monitoring: Option<String>,
    logging: Option<String>,
    scheduler: Option<String>,
    metadata: Option<String>,
}

impl Google {
    /// Reads `GOOGLE_CLOUD_PROJECT`, `TUNING_REGION`, and the addresses that differ on a laptop:
    /// `STORAGE_EMULATOR_HOST`, `PUBSUB_EMULATOR_HOST`, `FIRESTORE_EMULATOR_HOST`,
    /// `VERTEX_ENDPOINT`, `RUN_ENDPOINT`, `MONITORING_ENDPOINT`, `LOGGING_ENDPOINT`,
    /// `SCHEDULER_ENDPOINT`, `GCE_METADATA_HOST`.
    pub fn read(function: &'static str, read: &mut Reader<'_>) -> Option<Self> {
        let project = read.required("GOOGLE_CLOUD_PROJECT");
        let region = read.or("TUNING_REGION", "us-central1".to_owned());
        let storage = read.optional("STORAGE_EMULATOR_HOST");
        let pubsub = read.optional::<String>("PUBSUB_EMULATOR_HOST");
        let firestore = read.optional::<String>("FIRESTORE_EMULATOR_HOST");
        let vertex = read.optional("VERTEX_ENDPOINT");
        let run = read.optional("RUN_ENDPOINT");
        let monitoring = read.optional("MONITORING_ENDPOINT");
        let logging = read.optional("LOGGING_ENDPOINT");
        let scheduler = read.optional("SCHEDULER_ENDPOINT");
        let metadata = read.optional("GCE_METADATA_HOST");
        let http = rest::client()
            .map_err(|error| read.fault(format!("the HTTP client does not start: {error}")));
        Some(Self {
            function,
            http: http.ok()?,
            project: project?,
            region: region?,
            storage: storage?,
            // Google's clients read a bare `host:port` here.
            pubsub: pubsub?.map(|host| format!("http://{host}")),
            firestore: firestore?.map(|host| format!("http://{host}")),
            vertex: vertex?,
            run: run?,
            monitoring: monitoring?,
            logging: logging?,
            scheduler: scheduler?,
            metadata: metadata?.map(|host: String| format!("http://{host}")),
        })
    }

    /// The HTTP client of the process.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The project that everything lives in.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The region that tuning jobs run in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Firestore; its first call connects.
    pub fn documents(&self) -> Result<Documents, StartError> {
        let url = self.firestore.clone();
        Ok(Documents::new(&self.project, url, self.credentials()?))
    }

    /// Cloud Storage.
    pub fn objects(&self) -> BoxFuture<'_, Result<Objects, StartError>> {
        Box::pin(async move {
            let rest = self.rest(Api::Storage)?;
            Objects::connect(self.storage.as_deref(), self.credentials()?, rest).await
        })
    }

    /// Pub/Sub, as a publisher of events.
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
        let endpoint = self.vertex.clone();
        let transport = self.transport()?;
        Ok(Vertex::new(
            &self.project,
            &self.region,
            endpoint,
            transport,
        ))
    }

    /// Cloud Run, as a starter of jobs.
    pub fn run(&self) -> Result<CloudRun, StartError> {
        self.rest(Api::Run).map(CloudRun::new)
    }

    /// A service by REST.
    pub fn rest(&self, api: Api) -> Result<Rest, StartError> {
        let (address, default) = self.addresses(api);
        Ok(Rest::new(address.unwrap_or(default), self.transport()?))
    }

    /// Whether every service has Google's own address: this is Google Cloud, not a laptop's stack.
    pub fn is_googles(&self) -> bool {
        [&self.storage, &self.pubsub, &self.firestore, &self.vertex]
            .into_iter()
            .chain([&self.run, &self.monitoring, &self.logging])
            .chain([&self.scheduler, &self.metadata])
            .all(Option::is_none)
    }

    /// Whether `api` belongs to the stack that the addresses describe. Where some services are
    /// stand-ins, a call to Google's own address of another would be about another project.
    pub fn has(&self, api: Api) -> bool {
        let (address, _) = self.addresses(api);
        address.is_some() || self.is_googles()
    }

    /// The address of `api` where that is not Google's own, and Google's own.
    fn addresses(&self, api: Api) -> (Option<&str>, &'static str) {
        let (address, default) = match api {
            Api::Run => (&self.run, "https://run.googleapis.com"),
            Api::PubSub => (&self.pubsub, "https://pubsub.googleapis.com"),
            Api::Monitoring => (&self.monitoring, "https://monitoring.googleapis.com"),
            Api::Logging => (&self.logging, "https://logging.googleapis.com"),
            Api::Storage => (&self.storage, "https://storage.googleapis.com"),
            Api::Firestore => (&self.firestore, "https://firestore.googleapis.com"),
            Api::Scheduler => (&self.scheduler, "https://cloudscheduler.googleapis.com"),
            Api::Projects => (&None, "https://cloudresourcemanager.googleapis.com"),
            Api::Services => (&None, "https://serviceusage.googleapis.com"),
            Api::Proxy => (&None, "https://iap.googleapis.com"),
            Api::Builds => (&None, "https://cloudbuild.googleapis.com"),
            Api::People => (&None, "https://openidconnect.googleapis.com"),
        };
        (address.as_deref(), default)
    }

    /// The e-mail address of the account that the credentials belong to; `None` where it is not
    /// known.
    ///
    /// # Errors
    ///
    /// Where there are no credentials, or Google issues no token for them.
    pub fn account(&self) -> BoxFuture<'_, Result<Option<String>, StartError>> {
        Box::pin(async move {
            let failed = StartError::of("credentials");
            let credentials = self.credentials()?;
            let token = credentials.headers(http::Extensions::new()).await;
            token.map_err(|error| failed(error.into()))?;
            let Some(host) = &self.metadata else {
                let asked = self.rest(Api::People)?;
                let person = asked.call(Method::GET, "v1/userinfo", &[], None).await;
                let email = person
                    .ok()
                    .and_then(|it| Some(it.get("email")?.as_str()?.to_owned()));
                return Ok(email);
            };
            let email = self.metadata(host, "email", &[]).await;
            email.map(Some).map_err(|error| failed(error.into()))
        })
    }

    /// An identity token of this process for `audience`. The metadata server issues it, so only a
    /// process on Google Cloud, or on a laptop's stack, gets one.
    pub fn identity_token<'a>(
        &'a self,
        audience: &'a str,
    ) -> BoxFuture<'a, Result<String, reqwest::Error>> {
        Box::pin(async move {
            let host = self.metadata.as_deref().unwrap_or(METADATA);
            let query = [("audience", audience)];
            self.metadata(host, "identity", &query).await
        })
    }

    /// What the metadata server at `host` answers about the process's own account.
    async fn metadata(
        &self,
        host: &str,
        what: &str,
        query: &[(&str, &str)],
    ) -> reqwest::Result<String> {
        let path = "computeMetadata/v1/instance/service-accounts/default";
        let request = self
            .http
            .get(format!("{host}/{path}/{what}"))
            .query(query)
            .header("metadata-flavor", "Google")
            .timeout(IDENTITY_MAX);
        request.send().await?.error_for_status()?.text().await
    }

    fn transport(&self) -> Result<Transport, StartError> {
        Ok(Transport::new(self.http.clone(), self.credentials()?))
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
