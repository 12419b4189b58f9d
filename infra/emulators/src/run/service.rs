//! A Cloud Run service as its API represents it: a template, its revisions, and their traffic.
//!
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services>

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::job::is_id;
use crate::rest::{self, invalid};

/// Traffic goes to the revision that became ready last.
pub(super) const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
/// Traffic goes to a named revision.
const REVISION: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";

/// Fields that only the service sets, whatever a client sends.
const OUTPUT_ONLY: [&str; 15] = [
    "name",
    "uid",
    "generation",
    "observedGeneration",
    "createTime",
    "updateTime",
    "creator",
    "terminalCondition",
    "conditions",
    "latestReadyRevision",
    "latestCreatedRevision",
    "trafficStatuses",
    "uri",
    "urls",
    "reconciling",
];

/// Where a share of the traffic goes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TrafficTarget {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    pub(super) revision: String,
    #[serde(default)]
    pub(super) percent: u32,
    #[serde(default)]
    pub(super) tag: String,
}

/// How far a revision or a service has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    Reconciling,
    Succeeded,
    Failed(String),
}

impl Readiness {
    /// As a condition of the type `kind`.
    pub(super) fn condition(&self, kind: &str, now: DateTime<Utc>) -> Value {
        let (state, message) = match self {
            Self::Reconciling => ("CONDITION_RECONCILING", ""),
            Self::Succeeded => ("CONDITION_SUCCEEDED", ""),
            Self::Failed(message) => ("CONDITION_FAILED", message.as_str()),
        };
        json!({ "type": kind, "state": state, "message": message, "lastTransitionTime": now })
    }
}

/// `patched`, with the output-only fields taken from `old`.
pub(super) fn kept(old: &Value, patched: Value) -> Value {
    let mut fields = as_map(patched);
    for field in OUTPUT_ONLY {
        match old.get(field) {
            Some(value) => fields.insert(field.to_owned(), value.clone()),
            None => fields.remove(field),
        };
    }
    Value::Object(fields)
}

/// The text of a field; empty if it is absent.
pub(super) fn text<'a>(resource: &'a Value, pointer: &str) -> &'a str {
    let found = resource.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// The integer of a field that JSON represents as a string, as it does for 64 bits.
pub(super) fn number(resource: &Value, field: &str) -> u64 {
    let text = resource.get(field).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The targets of a service's traffic; without any, all of it goes to the latest revision.
pub(super) fn targets(service: &Value) -> Result<Vec<TrafficTarget>, rest::Error> {
    let named = service.get("traffic").filter(|it| !it.is_null());
    let named = named.map(Vec::<TrafficTarget>::deserialize).transpose();
    let named = named.map_err(|error| invalid(format!("traffic: {error}")))?;
    let named = named.unwrap_or_default();
    if named.is_empty() {
        return Ok(vec![TrafficTarget {
            kind: LATEST.to_owned(),
            percent: 100,
            ..TrafficTarget::default()
        }]);
    }
    let sum: u32 = named.iter().map(|target| target.percent).sum();
    if sum != 100 {
        let message = format!("traffic: expected percents that add up to 100, found {sum}");
        return Err(invalid(message));
    }
    let mut tags = BTreeSet::new();
    for target in &named {
        let latest = target.kind == LATEST && target.revision.is_empty();
        let fixed = target.kind == REVISION && !target.revision.is_empty();
        if !latest && !fixed {
            return Err(invalid(
                "traffic: expected each target to name a revision or to be the latest",
            ));
        }
        let tag = &target.tag;
        let usable = || is_id(tag) && !tags.contains(tag);
        if !tag.is_empty() && !usable() {
            return Err(invalid(format!(
                "traffic: the tag `{tag}` is invalid or used twice"
            )));
        }
        tags.insert(tag.clone());
    }
    Ok(named)
}

impl TrafficTarget {
    /// The revision that it stands for; an empty name if none was ever ready.
    pub(super) fn revision_name<'a>(&'a self, service: &'a Value) -> &'a str {
        if self.kind == LATEST {
            let latest = text(service, "/latestReadyRevision");
            return latest.rsplit('/').next().unwrap_or_default();
        }
        &self.revision
    }

    /// As in `trafficStatuses`; `base` is the prefix of the revisions' URLs.
    pub(super) fn status(&self, service: &str, base: &str) -> Value {
        let mut status = json!({ "type": self.kind });
        let Some(fields) = status.as_object_mut() else {
            return status;
        };
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        if !self.revision.is_empty() {
            put("revision", json!(self.revision));
        }
        if self.percent > 0 {
            put("percent", json!(self.percent));
        }
        if !self.tag.is_empty() {
            put("tag", json!(self.tag));
            let uri = format!("{base}/emulator/run/at/{}---{service}", self.tag);
            put("uri", json!(uri));
        }
        status
    }
}

/// The name of the revision that the template of `service`, at `generation`, creates.
pub(super) fn revision_name(service: &Value, generation: u64) -> Result<String, rest::Error> {
    let id = text(service, "/name")
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let requested = text(service, "/template/revision");
    if requested.is_empty() {
        return Ok(format!("{id}-{generation:05}-gen"));
    }
    if !requested.starts_with(&format!("{id}-")) || !is_id(requested) {
        let message = format!(
            "template.revision: expected a name that begins with `{id}-`, found `{requested}`"
        );
        return Err(invalid(message));
    }
    Ok(requested.to_owned())
}

/// A revision with the current template of `service`.
pub(super) fn revision(service: &Value, name: &str, now: DateTime<Utc>) -> Value {
    let mut fields = as_map(service.get("template").cloned().unwrap_or_default());
    fields.remove("revision");
    let output = json!({
        "name": name,
        "generation": "1",
        "service": text(service, "/name").rsplit('/').next(),
        "createTime": now,
        "updateTime": now,
        "etag": format!("\"{name}\""),
    });
    fields.extend(as_map(output));
    set_readiness(&mut fields, &Readiness::Reconciling, now);
    Value::Object(fields)
}

/// `revision` with the condition for `readiness`.
pub(super) fn readiness(revision: Value, readiness: &Readiness, now: DateTime<Utc>) -> Value {
    let mut fields = as_map(revision);
    set_readiness(&mut fields, readiness, now);
    Value::Object(fields)
}

/// How far `revision` has come.
pub(super) fn readiness_of(revision: &Value) -> Readiness {
    match text(revision, "/conditions/0/state") {
        "CONDITION_SUCCEEDED" => Readiness::Succeeded,
        "CONDITION_FAILED" => Readiness::Failed(text(revision, "/conditions/0/message").to_owned()),
        _ => Readiness::Reconciling,
    }
}

fn set_readiness(fields: &mut Map<String, Value>, readiness: &Readiness, now: DateTime<Utc>) {
    let condition = readiness.condition("Ready", now);
    fields.insert("conditions".to_owned(), json!([condition]));
    let reconciling = *readiness == Readiness::Reconciling;
    fields.insert("reconciling".to_owned(), reconciling.into());
}

pub(super) fn as_map(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value {
        return fields;
    }
    Map::new()
}
