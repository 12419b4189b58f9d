//! What only Google Cloud has, from the JSON files of `infra/gcp`: compiled in, as the topology is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::deployment::Deployment;
use crate::topology::{MetricSpec, Topology};

const FUNCTIONS: &str = include_str!("../../../gcp/functions.json");
const FIRESTORE: &str = include_str!("../../../gcp/firestore.json");
const METRICS: &str = include_str!("../../../gcp/metrics.json");
const ALERTS: &str = include_str!("../../../gcp/alerts.json");

/// The files.
#[derive(Debug, Clone)]
pub(crate) struct CloudConfig {
    /// The functions.
    pub(super) functions: BTreeMap<String, CloudFunction>,
    /// The variables of authentication, by callers; some have the same value everywhere.
    auth_variables: BTreeMap<CallerKind, BTreeMap<String, Option<String>>>,
    /// TTL policies and index exemptions.
    pub(super) firestore: FirestoreConfig,
    /// Log-based metrics for people.
    pub(super) metrics: BTreeMap<String, MetricSpec>,
    /// Alerts for people.
    pub(super) alerts: BTreeSet<String>,
}

/// A function in Google Cloud: the fields that the doctor checks. Terraform reads the others.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CloudFunction {
    /// Who calls it.
    pub(super) callers: CallerKind,
    /// Its settings. One without a value names a resource, or is not set.
    settings: BTreeMap<String, Value>,
}

/// Who calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CallerKind {
    /// Pub/Sub.
    Pushes,
    /// Programs that are listed by name.
    Programs,
    /// People, through Identity-Aware Proxy.
    People,
}

/// `firestore.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FirestoreConfig {
    /// The field of each collection that holds the time at which a document expires.
    pub(super) expires: BTreeMap<String, String>,
    /// Fields that no query uses.
    pub(super) unindexed: BTreeMap<String, Vec<String>>,
}

impl CloudConfig {
    /// The files that this build carries.
    pub(crate) fn load() -> Result<Self, serde_json::Error> {
        /// `functions.json`.
        #[derive(Deserialize)]
        struct Functions {
            #[serde(rename = "caller_auth")]
            auth_variables: BTreeMap<CallerKind, BTreeMap<String, Option<String>>>,
            functions: BTreeMap<String, CloudFunction>,
        }
        let alerts: BTreeMap<String, Value> = serde_json::from_str(ALERTS)?;
        let Functions {
            auth_variables,
            functions,
        } = serde_json::from_str(FUNCTIONS)?;
        Ok(Self {
            functions,
            auth_variables,
            firestore: serde_json::from_str(FIRESTORE)?,
            metrics: serde_json::from_str(METRICS)?,
            alerts: alerts.into_keys().collect(),
        })
    }

    /// The names of the settings of all functions, and of those that every one of them has: a proxy may stand before
    /// Vertex AI.
    pub(crate) fn settings(&self) -> BTreeSet<&str> {
        let functions = self.functions.values().flat_map(|it| it.settings.keys());
        let callers = self.auth_variables.values().flat_map(BTreeMap::keys);
        let own = functions.chain(callers).map(String::as_str);
        own.chain(["TUNING_REGION", "VERTEX_ENDPOINT"]).collect()
    }

    /// The variables that `function` must have: infra/gcp/settings.tf.
    pub(super) fn variables(&self, function: &str, topology: &Topology) -> BTreeSet<String> {
        let derived = topology.resource_variables();
        let mut all: BTreeSet<String> = ["GOOGLE_CLOUD_PROJECT", "TUNING_REGION"]
            .map(str::to_owned)
            .into();
        if let Some(function) = self.functions.get(function) {
            let set = function.settings.iter();
            let set = set.filter(|(name, value)| !value.is_null() || derived.contains(*name));
            all.extend(set.map(|(name, _)| name.clone()));
            let auth = self.auth_variables.get(&function.callers);
            all.extend(auth.into_iter().flat_map(BTreeMap::keys).cloned());
        }
        all
    }
}

impl CallerKind {
    /// The ingress setting for these callers.
    pub(super) fn ingress(self) -> &'static str {
        match self {
            Self::Pushes => "INGRESS_TRAFFIC_INTERNAL_ONLY",
            Self::Programs | Self::People => "INGRESS_TRAFFIC_ALL",
        }
    }
}

/// Whether `image` is named by digest, which always means the same bytes.
pub(super) fn is_by_digest(image: &str) -> bool {
    image.contains("@sha256:")
}

/// The service account that `function` runs as.
pub(super) fn run_account(deployment: &Deployment, function: &str) -> String {
    deployment.account(&format!("run-{function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_variables_with_a_value_or_of_a_resource() {
        let (config, topology) = (CloudConfig::load().unwrap(), Topology::load().unwrap());
        let names = config.variables("clean", &topology);
        for name in [
            "CLEAN_JOB",
            "DATASETS_BUCKET",
            "PUSH_AUDIENCE",
            "TUNING_REGION",
        ] {
            assert!(names.contains(name), "{name}");
        }
        let names = config.variables("predict", &topology);
        assert!(names.contains("PREDICT_CHARS_MIN"));
        assert!(!names.contains("PREDICT_CHARS_MAX"), "it has no value");
        assert!(!names.contains("PUSH_AUDIENCE"), "it gets no pushes");
        assert!(names.contains("PROGRAM_AUTH"));
    }
}
