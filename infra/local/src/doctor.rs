//! Compares what exists with what `infra/topology.json` and `infra/gcp` declare, and says how to fix
//! what is missing.
//!
//! Each check is a pure function from the response of one of Google's services to a result.
//! `inspect` alone decides what to request, and `client` how.

mod deployment;
mod diagnosis;
mod response;

mod client;
mod cloud_config;

mod project;

mod buckets;
mod firestore;
mod messages;
mod schedules;
mod services;

mod alerts;
mod base_models;
mod console;
mod releases;

mod inspect;

#[cfg(test)]
mod fixtures;

pub(crate) use self::{
    cloud_config::CloudConfig,
    diagnosis::{CheckStatus, Diagnosis},
    inspect::inspect,
};
