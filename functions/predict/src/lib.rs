//! Serves the routed model: answers it has given before come from a cache, answers it is not sure of from the base model,
//! and every answer says who gave it.
//!
//! The modules here are pure: no clock, no client, no task.

pub mod snapshot;

pub mod fingerprint;

pub mod cache;

pub mod confidence;

pub mod choose;
