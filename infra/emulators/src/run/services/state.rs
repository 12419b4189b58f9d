//! The stored services and revisions, and how a change takes effect.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Conduct, is_over, revision_of};
use crate::{
    catalog::{Catalog, patched},
    db::{self, Db},
    grpc::Request,
    rest::{self, invalid},
    run::service::{
        Readiness, TrafficTarget, as_map, kept, number, readiness, readiness_of, revision,
        revision_name, targets, text,
    },
};

/// A change that was accepted and is not visible yet.
#[derive(Debug)]
pub(super) struct ServiceUpdate {
    /// The name of the service.
    pub(super) service: String,
    /// The name of the revision that it creates, if it creates one.
    pub(super) revision: Option<String>,
    /// The operation of the change.
    pub(super) operation: Value,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) services: Catalog,
    pub(super) revisions: Catalog,
    /// Operations by name; those of an earlier process are lost.
    pub(super) operations: BTreeMap<String, Value>,
    /// How the next revisions behave, by service id.
    pub(super) conducts: BTreeMap<String, Conduct>,
    /// How a revision behaves, if not as its process does.
    revision_conducts: BTreeMap<String, Conduct>,
    base_url: String,
    changes: u64,
}

impl State {
    pub(super) fn open(db: &Db, base_url: &str) -> Result<Self, db::Error> {
        Ok(Self {
            services: Catalog::open(db, "run-services")?,
            revisions: Catalog::open(db, "run-revisions")?,
            operations: BTreeMap::new(),
            conducts: BTreeMap::new(),
            revision_conducts: BTreeMap::new(),
            base_url: base_url.to_owned(),
            changes: 0,
        })
    }

    pub(super) fn conduct_of(&self, revision: &str) -> Conduct {
        let found = self.revision_conducts.get(revision);
        found.copied().unwrap_or_default()
    }

    pub(super) fn create(
        &mut self,
        name: &str,
        body: Value,
        now: DateTime<Utc>,
    ) -> Result<ServiceUpdate, rest::Error> {
        if self.services.contains(name) {
            let message = format!("Resource '{name}' already exists.");
            return Err(rest::Error::new("ALREADY_EXISTS", message));
        }
        let id = name.rsplit('/').next().unwrap_or_default();
        let uri = format!("{}/emulator/run/at/{id}", self.base_url);
        let fresh =
            json!({ "name": name, "uid": id, "createTime": now, "uri": uri, "urls": [uri] });
        self.take(name, &fresh, body, now)
    }

    pub(super) fn patch(
        &mut self,
        name: &str,
        body: &Value,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<ServiceUpdate, rest::Error> {
        let old = self.services.get(name)?.clone();
        let (requested, current) = (text(body, "/etag"), text(&old, "/etag"));
        if !requested.is_empty() && requested != current {
            let message = format!(
                "Conflict for resource '{name}': version '{requested}' was specified but current version is '{current}'."
            );
            return Err(rest::Error::new("ABORTED", message));
        }
        let new = patched(&old, body, request)?;
        self.take(name, &old, new, now)
    }

    /// Stores `new` as the service `name`, which was `old`.
    fn take(
        &mut self,
        name: &str,
        old: &Value,
        new: Value,
        now: DateTime<Utc>,
    ) -> Result<ServiceUpdate, rest::Error> {
        let mut service = kept(old, new);
        if text(&service, "/template/containers/0/image").is_empty() {
            return Err(invalid("template.containers[0].image is missing"));
        }
        let generation = number(old, "generation") + 1;
        let made = if service.get("template") == old.get("template") {
            None
        } else {
            let id = revision_name(&service, generation)?;
            let made = revision_of(name, &id);
            if self.revisions.contains(&made) {
                let message = format!("Revision named '{id}' already exists.");
                return Err(rest::Error::new("ALREADY_EXISTS", message));
            }
            Some(made)
        };
        for target in targets(&service)? {
            let wanted = revision_of(name, &target.revision);
            let known = target.revision.is_empty() || self.revisions.contains(&wanted);
            if !known && made.as_ref() != Some(&wanted) {
                return Err(invalid(format!(
                    "traffic: the revision `{}` does not exist",
                    target.revision
                )));
            }
        }
        if let Some(made) = &made {
            self.revisions.put(made, revision(&service, made, now))?;
            let id = name.rsplit('/').next().unwrap_or_default();
            let conduct = self.conducts.get(id).copied().unwrap_or_default();
            self.revision_conducts.insert(made.clone(), conduct);
        }
        self.changes += 1;
        if let Some(fields) = service.as_object_mut() {
            let mut put = |field: &str, value: Value| fields.insert(field.to_owned(), value);
            put("generation", json!(generation.to_string()));
            put("etag", json!(format!("\"e{}-{generation}\"", self.changes)));
            put("updateTime", json!(now));
            put("reconciling", json!(true));
            let condition = Readiness::Reconciling.condition("Ready", now);
            put("terminalCondition", condition);
            if let Some(made) = &made {
                put("latestCreatedRevision", json!(made));
            }
        }
        self.services.put(name, service.clone())?;
        let parent = name.split("/services/").next().unwrap_or_default();
        let operation = json!({
            "name": format!("{parent}/operations/change-{}", self.changes),
            "metadata": service,
            "done": false,
        });
        let of = text(&operation, "/name").to_owned();
        self.operations.insert(of, operation.clone());
        Ok(ServiceUpdate {
            service: name.to_owned(),
            revision: made,
            operation,
        })
    }

    pub(super) fn delete_revision(
        &mut self,
        service: &str,
        revision: &str,
    ) -> Result<Value, rest::Error> {
        let name = revision_of(service, revision);
        let resource = self.revisions.get(&name)?.clone();
        let owner = self.services.get(service)?;
        let is_latest = text(owner, "/latestCreatedRevision") == name;
        let targets = targets(owner)?;
        if is_latest || targets.iter().any(|it| it.revision_name(owner) == revision) {
            let message = format!("`{revision}` is the latest revision, or has traffic or a tag");
            return Err(rest::Error::new("FAILED_PRECONDITION", message));
        }
        self.revisions.remove(&name)?;
        Ok(
            json!({ "name": format!("{service}/operations/done"), "done": true, "response": resource }),
        )
    }

    /// Records how far a revision has come.
    pub(super) fn record_readiness(
        &mut self,
        service: &str,
        revision: &str,
        found: &Readiness,
        now: DateTime<Utc>,
    ) {
        let Ok(resource) = self.revisions.get(revision).cloned() else {
            return;
        };
        // A failing store is logged by the catalog; readers then see the previous state.
        let _stored = self
            .revisions
            .put(revision, readiness(resource, found, now));
        if *found == Readiness::Succeeded
            && let Ok(owner) = self.services.get(service).cloned()
        {
            let mut fields = as_map(owner);
            fields.insert("latestReadyRevision".to_owned(), revision.into());
            let _stored = self.services.put(service, fields.into());
        }
    }

    /// Makes visible as much of the service's last change as has taken effect.
    pub(super) fn update_status(&mut self, name: &str, now: DateTime<Utc>) {
        let Ok(service) = self.services.get(name).cloned() else {
            return;
        };
        let targets = targets(&service).unwrap_or_default();
        let route = self.route(name, &service, &targets);
        let created = self.revisions.get(text(&service, "/latestCreatedRevision"));
        let created = created.map_or(Readiness::Reconciling, readiness_of);
        let whole = match (&created, &route) {
            (Readiness::Failed(_), _) => created,
            (_, Readiness::Failed(_)) | (Readiness::Succeeded, _) => route.clone(),
            (Readiness::Reconciling, _) => Readiness::Reconciling,
        };
        let mut fields = as_map(service);
        let mut put = |field: &str, value: Value| fields.insert(field.to_owned(), value);
        put("reconciling", json!(!is_over(&whole)));
        put("terminalCondition", whole.condition("Ready", now));
        let routes = route.condition("RoutesReady", now);
        put("conditions", json!([routes]));
        if route == Readiness::Succeeded {
            let id = name.rsplit('/').next().unwrap_or_default();
            let statuses = targets.iter().map(|it| it.status(id, &self.base_url));
            put("trafficStatuses", json!(statuses.collect::<Vec<_>>()));
        }
        if is_over(&whole) {
            let generation = fields.get("generation").cloned().unwrap_or_default();
            fields.insert("observedGeneration".to_owned(), generation);
        }
        let service = Value::Object(fields);
        let _stored = self.services.put(name, service.clone());
        if is_over(&whole) {
            self.end_operations(name, &service, &whole);
        }
    }

    /// Whether the revisions that the traffic is meant for can take it.
    fn route(&self, name: &str, service: &Value, targets: &[TrafficTarget]) -> Readiness {
        let with_traffic = targets.iter().filter(|target| target.percent > 0);
        for target in with_traffic {
            let revision = revision_of(name, target.revision_name(service));
            let found = self.revisions.get(&revision);
            match found.map_or(Readiness::Reconciling, readiness_of) {
                Readiness::Succeeded => {}
                found @ (Readiness::Reconciling | Readiness::Failed(_)) => return found,
            }
        }
        Readiness::Succeeded
    }

    fn end_operations(&mut self, name: &str, service: &Value, end: &Readiness) {
        for operation in self.operations.values_mut() {
            let of = text(operation, "/metadata/name") == name;
            let open = operation.get("done") == Some(&json!(false));
            if let (true, true, Some(fields)) = (of, open, operation.as_object_mut()) {
                fields.insert("done".to_owned(), json!(true));
                let (field, value) = match end {
                    Readiness::Failed(why) => ("error", json!({ "code": 9, "message": why })),
                    Readiness::Succeeded | Readiness::Reconciling => ("response", service.clone()),
                };
                fields.insert(field.to_owned(), value);
            }
        }
    }
}
