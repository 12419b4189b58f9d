//! The clients of the function.

use shared::{
    clock::Clock,
    google::{
        StartError, documents::Documents, events::Events, objects::Objects, policies::PolicyObject,
        run::CloudRun, vertex::Vertex,
    },
    service::Common,
};

use crate::config::Config;

/// What handlers and tasks use.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) documents: Documents,
    pub(crate) objects: Objects,
    pub(crate) policy: PolicyObject,
    pub(crate) events: Events,
    pub(crate) vertex: Vertex,
    pub(crate) run: CloudRun,
}

impl State {
    /// Creates the clients; none of them makes a call yet.
    pub(crate) async fn connect(config: Config, common: Common) -> Result<Self, StartError> {
        let Common { clock, google } = common;
        let objects = google.objects().await?;
        Ok(Self {
            policy: PolicyObject::new(objects.clone(), config.policy.clone()),
            config,
            clock,
            documents: google.documents()?,
            objects,
            events: google.events(clock)?,
            vertex: google.vertex()?,
            run: google.run()?,
        })
    }
}
