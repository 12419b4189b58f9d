//! What only the cloud has, from the JSON files of `infra/gcp`: compiled in, as the topology is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::place::Place;
use crate::topology::{Metric, Topology};

const FUNCTIONS: &str = include_str!("../../../gcp/functions.json");
const FIRESTORE: &str = include_str!("../../../gcp/firestore.json");
const METRICS: &str = include_str!("../../../gcp/metrics.json");
const ALERTS: &str = include_str!("../../../gcp/alerts.json");

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    /// What each function is given.
    pub(super) functions: BTreeMap<String, Function>,
    /// The variables that say how callers are checked; some with the same value everywhere.
    doors: BTreeMap<Callers, BTreeMap<String, Option<String>>>,
    /// What becomes of documents by themselves.
    pub(super) firestore: Firestore,
    /// Metrics that only people look at.
    pub(super) metrics: BTreeMap<String, Metric>,
    /// Alerts that wake people.
    pub(super) alerts: BTreeSet<String>,
}

/// A function in the cloud; the rest of it is Terraform's alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Function {
    /// Who calls it.
    pub(super) callers: Callers,
    /// Its settings; those without a value are the resource's that they name, or left out.
    settings: BTreeMap<String, Value>,
}

/// Who calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Callers {
    /// Pub/Sub.
    Pushes,
    /// Programs that are named.
    Programs,
    /// People, behind a proxy.
    People,
}

/// `firestore.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Firestore {
    /// The field that says when a document of a collection goes.
    pub(super) expires: BTreeMap<String, String>,
    /// Fields that nobody asks by.
    pub(super) unindexed: BTreeMap<String, Vec<String>>,
}

impl Catalogue {
    /// The files that this build carries.
    pub(crate) fn load() -> Result<Self, serde_json::Error> {
        /// `functions.json`.
        #[derive(Deserialize)]
        struct Functions {
            #[serde(rename = "caller_auth")]
            doors: BTreeMap<Callers, BTreeMap<String, Option<String>>>,
            functions: BTreeMap<String, Function>,
        }
        let alerts: BTreeMap<String, Value> = serde_json::from_str(ALERTS)?;
        let Functions { doors, functions } = serde_json::from_str(FUNCTIONS)?;
        Ok(Self {
            functions,
            doors,
            firestore: serde_json::from_str(FIRESTORE)?,
            metrics: serde_json::from_str(METRICS)?,
            alerts: alerts.into_keys().collect(),
        })
    }

    /// The variables that `function` must have been given: infra/gcp/settings.tf.
    pub(super) fn variables(&self, function: &str, topology: &Topology) -> BTreeSet<String> {
        let derived = topology.resource_variables();
        let mut all: BTreeSet<String> = ["GOOGLE_CLOUD_PROJECT", "TUNING_REGION"]
            .map(str::to_owned)
            .into();
        if let Some(function) = self.functions.get(function) {
            let given = function.settings.iter();
            let given = given.filter(|(name, value)| !value.is_null() || derived.contains(*name));
            all.extend(given.map(|(name, _)| name.clone()));
            let door = self.doors.get(&function.callers);
            all.extend(door.into_iter().flat_map(BTreeMap::keys).cloned());
        }
        all
    }
}

impl Callers {
    /// Where requests may come from.
    pub(super) fn ingress(self) -> &'static str {
        match self {
            Self::Pushes => "INGRESS_TRAFFIC_INTERNAL_ONLY",
            Self::Programs | Self::People => "INGRESS_TRAFFIC_ALL",
        }
    }
}

/// Whether `image` names one set of bytes for ever.
pub(super) fn is_by_digest(image: &str) -> bool {
    image.contains("@sha256:")
}

/// How `function` is called in a message to a person, with what it runs as.
pub(super) fn run_account(place: &Place, function: &str) -> String {
    place.account(&format!("run-{function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_told_what_has_a_value_or_names_a_resource() {
        let (catalogue, topology) = (Catalogue::load().unwrap(), Topology::load().unwrap());
        let names = catalogue.variables("clean", &topology);
        for name in [
            "CLEAN_JOB",
            "DATASETS_BUCKET",
            "PUSH_AUDIENCE",
            "TUNING_REGION",
        ] {
            assert!(names.contains(name), "{name}");
        }
        let names = catalogue.variables("predict", &topology);
        assert!(names.contains("PREDICT_CHARS_MIN"));
        assert!(!names.contains("PREDICT_CHARS_MAX"), "left out");
        assert!(!names.contains("PUSH_AUDIENCE"), "nobody pushes to it");
        assert!(names.contains("PROGRAM_AUTH"));
    }
}
