//! Carries out the actions of a release.
//!
//! Every change is polled until it is visible. A change whose answer was lost, or that lost against
//! another change, is made again with the service as it is by then.

mod deploy;
mod inspect;
mod soak;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{clock::Clock, error::Chain, outcome::CallError};

use crate::{
    admin::Admin,
    chain::SmokeTestKind,
    change::ServiceChange,
    component::Component,
    error::Error,
    observer::Observer,
    poller::{Observation, until},
    sequencer::{Action, ComponentPlan},
    service::{CloudRunService, Revision, image},
    smoke_test::{SmokeTarget, SmokeTester},
    traffic::{self, TrafficTarget},
};

/// Longest until a change of the traffic is visible; it usually takes seconds.
const SEEN_MAX: Duration = Duration::from_mins(2);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimits {
    /// Until a revision is ready.
    pub(crate) ready: Duration,
    /// How long a step of the traffic is watched.
    pub(crate) soak: Duration,
}

/// Carries out actions.
#[derive(Debug)]
pub(crate) struct Executor {
    admin: Admin,
    smoke_tester: SmokeTester,
    observer: Observer,
    clock: Clock,
    limits: TimeLimits,
    /// The functions of the release, by their number.
    pub(crate) components: Vec<Component>,
    /// The address of each canary's tag, by number.
    uris: BTreeMap<usize, String>,
    /// When each canary got its first requests. Counts arrive minutes late, so that those of one
    /// step become visible in the next: every soak counts from here.
    since: BTreeMap<usize, DateTime<Utc>>,
}

impl Executor {
    pub(crate) fn new(
        admin: Admin,
        smoke_tester: SmokeTester,
        observer: Observer,
        clock: Clock,
        limits: TimeLimits,
    ) -> Self {
        Self {
            admin,
            smoke_tester,
            observer,
            clock,
            limits,
            components: Vec::new(),
            uris: BTreeMap::new(),
            since: BTreeMap::new(),
        }
    }

    /// What has to be done, by number.
    pub(crate) fn plans(&self) -> Vec<ComponentPlan> {
        self.components.iter().map(Component::plan).collect()
    }

    /// Carries out one action.
    pub(crate) async fn execute(&mut self, action: Action) -> Result<(), Error> {
        match action {
            Action::Deploy(number) => {
                let new = self.deploy(self.component(number)?).await?;
                if let Some(component) = self.components.get_mut(number) {
                    component.new = new;
                }
                Ok(())
            }
            Action::AwaitReady(number) => {
                let uri = self.await_ready(self.component(number)?).await?;
                self.uris.insert(number, uri);
                Ok(())
            }
            Action::SmokeTest(number) => self.smoke_test(number).await,
            Action::Shift(number, percent) => {
                let now = self.clock.now();
                self.since.entry(number).or_insert(now);
                let component = self.component(number)?;
                let targets = traffic::step(component.serving(), &component.new, percent);
                self.set_traffic(component, &targets).await
            }
            Action::Soak(number, _) => self.soak(number).await,
            Action::Finish(number) => {
                let component = self.component(number)?;
                let revision = match &component.change {
                    ServiceChange::TrafficOnly { serving } => serving,
                    ServiceChange::None
                    | ServiceChange::Canary { .. }
                    | ServiceChange::FirstRevision => &component.new,
                };
                self.set_traffic(component, &traffic::only(revision)).await
            }
            Action::RollBack(number) => self.roll_back(self.component(number)?).await,
            Action::SetJob(number) => {
                let component = self.component(number)?;
                self.set_job(component, component.wanted.as_str()).await
            }
            Action::RollJobBack(number) => {
                let component = self.component(number)?;
                self.set_job(component, &component.job_image).await
            }
        }
    }

    fn component(&self, number: usize) -> Result<&Component, Error> {
        let component = self.components.get(number);
        component.ok_or_else(|| Error::Missing(format!("function number {number}")))
    }

    async fn smoke_test(&self, number: usize) -> Result<(), Error> {
        let component = self.component(number)?;
        let uri = self.uris.get(&number).map(String::as_str);
        let target = SmokeTarget {
            function: component.spec.name,
            revision: &component.new,
            uri: uri.unwrap_or_default(),
            audience: &component.audience,
        };
        match component.spec.smoke_test {
            SmokeTestKind::Push => self.smoke_tester.by_push(&target).await,
            SmokeTestKind::Health => self.smoke_tester.by_call(&target).await,
            SmokeTestKind::Ready => Ok(()),
        }
    }

    /// Sets the traffic as wanted, and waits until requests go there.
    async fn set_traffic(
        &self,
        component: &Component,
        wanted: &[TrafficTarget],
    ) -> Result<(), Error> {
        let name = component.spec.name;
        let poll = async || {
            let service = match self.admin.service(name).await {
                Ok(Some(service)) => service,
                Ok(None) => return Err(Error::Missing(format!("the service `{name}`"))),
                Err(error) => return retryable(error),
            };
            let wanted = traffic::with_others(wanted, &service.traffic_statuses);
            if traffic::same(&service.traffic, &wanted) {
                if traffic::same(&service.traffic_statuses, &wanted) {
                    return Ok(Observation::Reached);
                }
                let message = &service.terminal_condition.message;
                return Ok(Observation::NotYet(format!(
                    "different traffic; message of the service: {message}"
                )));
            }
            let body = json!({ "etag": service.etag, "traffic": wanted });
            let resource = format!("services/{name}");
            match patched(self.admin.patch(&resource, "traffic", &body).await)? {
                Observation::Reached => Ok(Observation::NotYet(
                    "a change that is not visible yet".to_owned(),
                )),
                not_yet @ Observation::NotYet(_) => Ok(not_yet),
            }
        };
        until(SEEN_MAX, poll).await
    }

    async fn set_job(&self, component: &Component, wanted: &str) -> Result<(), Error> {
        let Some(name) = &component.spec.job else {
            return Ok(());
        };
        let poll = async || {
            let mut job: Value = match self.admin.job(name).await {
                Ok(Some(job)) => job,
                Ok(None) => return Err(Error::Missing(format!("the job `{name}`"))),
                Err(error) => return retryable(error),
            };
            let template = job.pointer_mut("/template/template").map(Value::take);
            let mut template = template.unwrap_or_default();
            if image(&template) == wanted {
                return Ok(Observation::Reached);
            }
            set(&mut template, "/containers/0/image", wanted);
            set(&mut job, "/template/template", template);
            let etag = job.get("etag").cloned().unwrap_or_default();
            let body = json!({ "etag": etag, "template": job.get("template") });
            let resource = format!("jobs/{name}");
            patched(self.admin.patch(&resource, "template", &body).await)
        };
        until(SEEN_MAX, poll).await
    }

    async fn revision(&self, service: &str, id: &str) -> Result<Option<Revision>, Error> {
        let found = self.admin.revision(service, id).await;
        found.map_err(cloud_run_failed)
    }

    async fn service(&self, name: &str) -> Result<CloudRunService, Error> {
        match self.admin.service(name).await {
            Ok(Some(service)) => Ok(service),
            Ok(None) => Err(Error::Missing(format!("the service `{name}`"))),
            Err(error) => Err(cloud_run_failed(error)),
        }
    }
}

fn cloud_run_failed(error: CallError) -> Error {
    Error::Call("Cloud Run", error)
}

/// The result of a change: one that conflicts with another, or got no answer, is polled again.
fn patched(result: Result<(), CallError>) -> Result<Observation, Error> {
    match result {
        Ok(()) => Ok(Observation::Reached),
        Err(error) => retryable(error),
    }
}

/// A call that got no answer is made again; one that was refused is not.
fn retryable(error: CallError) -> Result<Observation, Error> {
    match error {
        CallError::NotNow { .. } | CallError::Unknown(_) => {
            Ok(Observation::NotYet(Chain(&error).to_string()))
        }
        CallError::No(_) | CallError::NotAllowed(_) | CallError::Missing(_) => {
            Err(cloud_run_failed(error))
        }
    }
}

/// Sets the value at a pointer, where there is one.
fn set(resource: &mut Value, pointer: &str, value: impl Into<Value>) {
    if let Some(slot) = resource.pointer_mut(pointer) {
        *slot = value.into();
    }
}
