//! Facts in the code against `infra/topology.json`: what is told is carried, what is carried is told.

use std::collections::BTreeSet;

use local::topology::Topology;
use shared::event::{
    DatasetCleaned, Event, ModelDeployed, RunApproved, RunEvaluated, RunFinished, RunSubmitted,
    RunUnhealthy, Smoke,
};

use crate::checkout;

/// A fact as the code tells it.
pub(crate) struct Fact {
    /// The Rust type.
    pub(crate) name: &'static str,
    /// [`Event::TYPE`].
    pub(crate) kind: &'static str,
    /// [`Event::TOPIC`].
    pub(crate) topic: &'static str,
}

/// Every fact.
pub(crate) fn facts() -> Vec<Fact> {
    fn fact<E: Event>() -> Fact {
        let path = std::any::type_name::<E>();
        Fact {
            name: path.rsplit("::").next().unwrap(),
            kind: E::TYPE,
            topic: E::TOPIC,
        }
    }
    vec![
        fact::<DatasetCleaned>(),
        fact::<ModelDeployed>(),
        fact::<RunApproved>(),
        fact::<RunEvaluated>(),
        fact::<RunFinished>(),
        fact::<RunSubmitted>(),
        fact::<RunUnhealthy>(),
        fact::<Smoke>(),
    ]
}

fn topology() -> Topology {
    Topology::load().unwrap()
}

#[test]
fn every_fact_of_the_code_is_looked_at_here() {
    let text = checkout::read("shared/src/event.rs");
    assert_eq!(text.matches("impl Event for ").count(), facts().len());
}

#[test]
fn a_fact_has_a_type_and_a_topic_of_its_own() {
    for fact in facts() {
        let kind = fact.kind.strip_prefix("dev.lapidary.").expect(fact.kind);
        let (noun, version) = kind.rsplit_once('.').expect(fact.kind);
        assert_eq!(noun.replace('.', "-"), fact.topic);
        assert!(version.strip_prefix('v').unwrap().parse::<u8>().is_ok());
        assert!(topology().topics.contains_key(fact.topic), "{}", fact.topic);
    }
    let kinds: BTreeSet<_> = facts().into_iter().map(|fact| fact.kind).collect();
    assert_eq!(kinds.len(), facts().len());
}

#[test]
fn every_topic_is_told_by_someone() {
    let topology = topology();
    let mut told: BTreeSet<&str> = facts().into_iter().map(|fact| fact.topic).collect();
    let uploads = topology.buckets.values();
    told.extend(uploads.filter_map(|bucket| bucket.notify.as_deref()));
    told.extend(topology.schedules.values().map(|it| it.topic.as_str()));
    told.extend(topology.alerts.values().map(|it| it.topic.as_str()));
    let carried: BTreeSet<&str> = topology.topics.keys().map(String::as_str).collect();
    assert_eq!(told, carried);
}

#[test]
fn a_subscription_is_called_after_its_hearer_and_its_topic() {
    let topology = topology();
    let mut names = BTreeSet::new();
    for (name, topic, hearer, path) in topology.subscriptions() {
        assert_eq!(name, format!("{hearer}-on-{topic}"));
        assert!(path.starts_with('/'), "{name} is pushed to `{path}`");
        assert!(names.insert(name));
    }
    let heard: usize = topology.topics.values().map(Vec::len).sum();
    assert_eq!(names.len(), heard, "a hearer has no path");
}

#[test]
fn the_functions_of_the_file_the_folder_and_the_binary_are_the_same() {
    let named: BTreeSet<String> = topology().functions.into_keys().collect();
    let folders: BTreeSet<String> = checkout::functions().into_iter().collect();
    assert_eq!(named, folders);
    let served = checkout::read("infra/local/src/serve.rs");
    for function in named {
        assert!(served.contains(&format!("\"{function}\"")), "{function}");
    }
}

#[test]
fn every_path_that_is_pushed_to_is_served() {
    for (name, _, function, path) in topology().subscriptions() {
        let served = checkout::files().into_iter().any(|file| {
            let ours = file.path.starts_with(&format!("functions/{function}/src/"));
            ours && file
                .text
                .unwrap_or_default()
                .contains(&format!(".route(\"{path}\", web::post()"))
        });
        assert!(served, "{name}: {function} does not serve POST {path}");
    }
}
