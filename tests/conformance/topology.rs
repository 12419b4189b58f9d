//! Events in the code against `infra/topology.json`: every event has a topic, and every topic a publisher.

use std::collections::BTreeSet;

use local::topology::Topology;
use shared::event::{
    DatasetCleaned, Event, ModelDeployed, RunApproved, RunAwaitsApproval, RunEvaluated,
    RunFinished, RunSubmitted, RunUnhealthy, Smoke,
};

use crate::checkout;

/// An event as the code declares it.
pub(crate) struct PublishedEvent {
    /// The Rust type.
    pub(crate) name: &'static str,
    /// [`Event::TYPE`].
    pub(crate) event_type: &'static str,
    /// [`Event::TOPIC`].
    pub(crate) topic: &'static str,
}

/// Every event.
pub(crate) fn events() -> Vec<PublishedEvent> {
    fn event<E: Event>() -> PublishedEvent {
        let path = std::any::type_name::<E>();
        PublishedEvent {
            name: path.rsplit("::").next().unwrap(),
            event_type: E::TYPE,
            topic: E::TOPIC,
        }
    }
    vec![
        event::<DatasetCleaned>(),
        event::<ModelDeployed>(),
        event::<RunApproved>(),
        event::<RunEvaluated>(),
        event::<RunFinished>(),
        event::<RunAwaitsApproval>(),
        event::<RunSubmitted>(),
        event::<RunUnhealthy>(),
        event::<Smoke>(),
    ]
}

fn topology() -> Topology {
    Topology::load().unwrap()
}

#[test]
fn every_event_of_the_code_is_listed_here() {
    let text = checkout::read("shared/src/event.rs");
    assert_eq!(text.matches("impl Event for ").count(), events().len());
}

#[test]
fn an_event_has_a_type_and_a_topic_of_its_own() {
    for event in events() {
        let full = event.event_type;
        let name = full.strip_prefix("dev.lapidary.").expect(full);
        let (noun, version) = name.rsplit_once('.').expect(full);
        assert_eq!(noun.replace('.', "-"), event.topic);
        assert!(version.strip_prefix('v').unwrap().parse::<u8>().is_ok());
        assert!(topology().topics.contains_key(event.topic), "{full}");
    }
    let types: BTreeSet<_> = events().into_iter().map(|event| event.event_type).collect();
    assert_eq!(types.len(), events().len());
}

#[test]
fn every_topic_has_a_publisher() {
    let topology = topology();
    let mut published: BTreeSet<&str> = events().into_iter().map(|event| event.topic).collect();
    let uploads = topology.buckets.values();
    published.extend(uploads.filter_map(|bucket| bucket.notify.as_deref()));
    published.extend(topology.schedules.values().map(|it| it.topic.as_str()));
    published.extend(
        topology
            .alerts
            .values()
            .filter_map(|it| it.topic.as_deref()),
    );
    let topics: BTreeSet<&str> = topology.topics.keys().map(String::as_str).collect();
    assert_eq!(published, topics);
}

#[test]
fn a_subscription_is_named_after_its_consumer_and_its_topic() {
    let topology = topology();
    let mut names = BTreeSet::new();
    for (name, topic, consumer, path) in topology.subscriptions() {
        assert_eq!(name, format!("{consumer}-on-{topic}"));
        assert!(path.starts_with('/'), "{name} is pushed to `{path}`");
        assert!(names.insert(name));
    }
    let consumers: usize = topology.topics.values().map(Vec::len).sum();
    assert_eq!(names.len(), consumers, "a consumer has no path");
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
