//! The functions in the order in which a release reaches them: consumers before publishers.
//!
//! A new publisher may publish what only a new consumer understands, so the last consumer of the
//! chain comes first.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The topology, compiled in: a release needs no checkout.
const TOPOLOGY: &str = include_str!("../../topology.json");

/// Every function, the last consumer first.
const ORDER: [&str; 8] = [
    "console",
    "predict",
    "deploy",
    "evaluate",
    "early-stop",
    "watch",
    "tune",
    "clean",
];

/// The function that a build can call: people and programs call it, not Pub/Sub, and no login in a
/// browser comes before it, as it does at the console.
const CALLED: &str = "predict";

/// How a new revision is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmokeTestKind {
    /// It answers a push by writing a document.
    Push,
    /// It answers `GET /health`.
    Health,
    /// It is ready: nothing here can call it.
    Ready,
}

/// A function, as a release needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Its name, and its service's.
    pub name: &'static str,
    /// How its revisions are tested.
    pub smoke_test: SmokeTestKind,
    /// The job that runs its image, if one does.
    pub job: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TopologyFile {
    functions: BTreeMap<String, FunctionEntry>,
    jobs: BTreeMap<String, JobEntry>,
}

#[derive(Debug, Deserialize)]
struct FunctionEntry {
    path_by_topic: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct JobEntry {
    function: String,
}

/// Every function, in the order of a release.
pub fn functions() -> Result<Vec<FunctionSpec>, serde_json::Error> {
    let topology: TopologyFile = serde_json::from_str(TOPOLOGY)?;
    let spec = |name: &'static str| {
        let function = topology.functions.get(name);
        let pushed = function.is_some_and(|it| !it.path_by_topic.is_empty());
        let mut jobs = topology.jobs.iter();
        FunctionSpec {
            name,
            smoke_test: match (pushed, name) {
                (true, _) => SmokeTestKind::Push,
                (false, CALLED) => SmokeTestKind::Health,
                (false, _) => SmokeTestKind::Ready,
            },
            job: jobs
                .find(|(_, job)| job.function == name)
                .map(|(job, _)| job.clone()),
        }
    };
    Ok(ORDER.map(spec).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_of_the_topology_is_released() {
        let topology: TopologyFile = serde_json::from_str(TOPOLOGY).unwrap();
        let in_topology: BTreeSet<&str> = topology.functions.keys().map(String::as_str).collect();
        assert_eq!(in_topology, BTreeSet::from(ORDER));
        let mut with_jobs = BTreeSet::new();
        for job in topology.jobs.values() {
            assert!(with_jobs.insert(&job.function), "two jobs of one function");
        }
    }

    #[test]
    fn a_function_is_tested_the_way_it_is_called() {
        let functions = functions().unwrap();
        let of = |name: &str| functions.iter().find(|it| it.name == name).unwrap();
        assert_eq!(of("clean").smoke_test, SmokeTestKind::Push);
        assert_eq!(of("clean").job.as_deref(), Some("clean-large"));
        assert_eq!(of("predict").smoke_test, SmokeTestKind::Health);
        assert_eq!(of("console").smoke_test, SmokeTestKind::Ready);
        assert_eq!(of("tune").job, None);
    }
}
