//! Cloud Run's services: created, changed, and ready after a moment, or failing, as a test sets it.
//!
//! A revision's instance is a process, reached at the URL of its tag. Traffic percentages are only
//! reported: no caller here uses the URL of a service itself.

mod proxy;
mod state;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;

use self::state::{ServiceUpdate, State};
use super::{
    instance::Instance,
    job::is_id,
    service::{Readiness, text},
};
use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::Request,
    rest::{self, invalid},
};

/// How long a change takes to become visible: long enough to expose a caller that does not wait.
const MOMENT: Duration = Duration::from_millis(60);

/// How revisions that a service creates from now on behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Conduct {
    /// Their process runs as usual.
    #[default]
    Works,
    /// They fail to start.
    Fails,
    /// They never become ready.
    NeverReady,
    /// They become ready, and answer every request with 500.
    #[serde(rename = "answers_500")]
    Answers500,
    /// They become ready, and answer 204 to every request without doing anything.
    DoesNothing,
}

/// The body of `/emulator/run/conduct`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetConduct {
    service: String,
    conduct: Conduct,
}

/// The services; clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Services {
    inner: Arc<ServicesInner>,
}

struct ServicesInner {
    clock: Clock,
    state: Mutex<State>,
    /// The running instances, by revision.
    instances: AsyncMutex<BTreeMap<String, Instance>>,
    http: reqwest::Client,
}

impl Services {
    /// Reads back what an earlier process left in `db`; URLs of revisions begin with `base_url`.
    pub(super) fn open(db: &Db, clock: Clock, base_url: &str) -> Result<Self, db::Error> {
        Ok(Self {
            inner: Arc::new(ServicesInner {
                clock,
                state: Mutex::new(State::open(db, base_url)?),
                instances: AsyncMutex::default(),
                http: reqwest::Client::new(),
            }),
        })
    }

    /// `POST /emulator/run/conduct`.
    pub(super) fn conduct(&self, body: Value) -> Result<Value, rest::Error> {
        let set = SetConduct::deserialize(body).map_err(|error| invalid(error.to_string()))?;
        self.inner.state().conducts.insert(set.service, set.conduct);
        Ok(json!({}))
    }

    /// The operation `name`, if it belongs to a service.
    pub(super) fn operation(&self, name: &str) -> Option<Value> {
        self.inner.state().operations.get(name).cloned()
    }

    /// Answers a call on `…/services` and below.
    pub(super) fn answer(
        &self,
        parent: &str,
        rest: &[&str],
        request: &Request,
        body: Value,
    ) -> Result<Value, rest::Error> {
        let query = rest::query(request);
        let mut state = self.inner.state();
        match (request.method(), rest) {
            (&Method::GET, []) => {
                let of = format!("{parent}/services");
                state.services.page(&of, "services", &query)
            }
            (&Method::POST, []) => {
                let id = query.iter().find(|(name, _)| name == "serviceId");
                let id = id.map(|(_, id)| id.as_str()).unwrap_or_default();
                if !is_id(id) {
                    let message = format!("serviceId `{id}` is not a valid service name");
                    return Err(invalid(message));
                }
                let name = format!("{parent}/services/{id}");
                let change = state.create(&name, body, self.inner.clock.now())?;
                drop(state);
                Ok(self.follow(change))
            }
            (&Method::GET, [id]) => {
                let name = format!("{parent}/services/{id}");
                state.services.get(&name).cloned()
            }
            (&Method::PATCH, [id]) => {
                let name = format!("{parent}/services/{id}");
                let now = self.inner.clock.now();
                let change = state.patch(&name, &body, request, now)?;
                drop(state);
                Ok(self.follow(change))
            }
            (&Method::GET, [id, "revisions"]) => {
                let of = format!("{parent}/services/{id}/revisions");
                state.revisions.page(&of, "revisions", &query)
            }
            (&Method::GET, [id, "revisions", revision]) => {
                let name = format!("{parent}/services/{id}/revisions/{revision}");
                state.revisions.get(&name).cloned()
            }
            (&Method::DELETE, [id, "revisions", revision]) => {
                let service = format!("{parent}/services/{id}");
                state.delete_revision(&service, revision)
            }
            (method, _) => Err(rest::Error::unimplemented(method, request.uri().path())),
        }
    }

    /// Lets a change take effect in the background; returns its operation.
    fn follow(&self, change: ServiceUpdate) -> Value {
        let operation = change.operation.clone();
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.reconcile(change).await });
        operation
    }
}

impl ServicesInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reconcile(&self, change: ServiceUpdate) {
        tokio::time::sleep(MOMENT).await;
        if let Some(revision) = &change.revision {
            let conduct = self.state().conduct_of(revision);
            let readiness = match conduct {
                Conduct::NeverReady => None,
                Conduct::Fails => Some(Readiness::Failed(
                    "The user-provided container failed to start and listen on the port.".into(),
                )),
                Conduct::Works | Conduct::Answers500 | Conduct::DoesNothing => {
                    Some(match self.port(revision).await {
                        Ok(_) => Readiness::Succeeded,
                        Err(error) => Readiness::Failed(error.message),
                    })
                }
            };
            if let Some(readiness) = readiness {
                let now = self.clock.now();
                self.state()
                    .record_readiness(&change.service, revision, &readiness, now);
            }
        }
        self.state()
            .update_status(&change.service, self.clock.now());
    }

    /// The port of the instance of `revision`, started if necessary; `None` without a process.
    async fn port(&self, revision: &str) -> Result<Option<u16>, rest::Error> {
        let mut instances = self.instances.lock().await;
        if let Some(instance) = instances.get(revision) {
            return Ok(Some(instance.port));
        }
        let resource = self.state().revisions.get(revision)?.clone();
        let id = revision.rsplit('/').next().unwrap_or_default();
        let started = Instance::start(text(&resource, "/service"), id, &resource).await;
        let started =
            started.map_err(|error| rest::Error::new("UNAVAILABLE", error.to_string()))?;
        let port = started.as_ref().map(|instance| instance.port);
        instances.extend(started.map(|instance| (revision.to_owned(), instance)));
        Ok(port)
    }
}

impl fmt::Debug for ServicesInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// The full name of a revision of the service `service`.
fn revision_of(service: &str, revision: &str) -> String {
    format!("{service}/revisions/{revision}")
}

/// Whether `readiness` ends a reconciliation.
fn is_over(readiness: &Readiness) -> bool {
    *readiness != Readiness::Reconciling
}
