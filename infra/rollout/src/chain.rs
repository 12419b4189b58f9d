//! The functions in the order in which a release reaches them: who hears before who tells.
//!
//! A new teller may say what only a new hearer understands; so the end of the chain comes first.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The map of the system, compiled in: a release needs no checkout.
const TOPOLOGY: &str = include_str!("../../topology.json");

/// Every function, the last hearer first.
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

/// What can be called from a build: people and programs call it, not Pub/Sub, and no browser's
/// login stands before it as before the console.
const CALLED: &str = "predict";

/// How a new revision shows that it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It answers a push by a document.
    Push,
    /// It answers `GET /health`.
    Health,
    /// It is ready; nothing here can call it.
    Ready,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, and its service's.
    pub name: &'static str,
    /// How its revisions prove themselves.
    pub proof: Proof,
    /// The job that runs its image, if one does.
    pub job: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Topology {
    functions: BTreeMap<String, Function>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Debug, Deserialize)]
struct Function {
    path_by_topic: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Job {
    function: String,
}

/// Every function, in the order of a release.
pub fn members() -> Result<Vec<Member>, serde_json::Error> {
    let topology: Topology = serde_json::from_str(TOPOLOGY)?;
    let member = |name: &'static str| {
        let function = topology.functions.get(name);
        let pushed = function.is_some_and(|it| !it.path_by_topic.is_empty());
        let mut jobs = topology.jobs.iter();
        Member {
            name,
            proof: match (pushed, name) {
                (true, _) => Proof::Push,
                (false, CALLED) => Proof::Health,
                (false, _) => Proof::Ready,
            },
            job: jobs
                .find(|(_, job)| job.function == name)
                .map(|(job, _)| job.clone()),
        }
    };
    Ok(ORDER.map(member).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_of_the_map_is_released() {
        let topology: Topology = serde_json::from_str(TOPOLOGY).unwrap();
        let mapped: BTreeSet<&str> = topology.functions.keys().map(String::as_str).collect();
        assert_eq!(mapped, BTreeSet::from(ORDER));
        let mut with_jobs = BTreeSet::new();
        for job in topology.jobs.values() {
            assert!(with_jobs.insert(&job.function), "two jobs of one function");
        }
    }

    #[test]
    fn a_function_proves_itself_as_it_is_called() {
        let members = members().unwrap();
        let of = |name: &str| members.iter().find(|it| it.name == name).unwrap();
        assert_eq!(of("clean").proof, Proof::Push);
        assert_eq!(of("clean").job.as_deref(), Some("clean-large"));
        assert_eq!(of("predict").proof, Proof::Health);
        assert_eq!(of("console").proof, Proof::Ready);
        assert_eq!(of("tune").job, None);
    }
}
