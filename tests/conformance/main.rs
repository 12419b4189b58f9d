//! What must agree: crates with their layers, functions with the topology, clients with their services.
//!
//! The suites of services always run against the embedded emulators; `pubsub` and `firestore` also
//! run against Google's emulators, if `PUBSUB_CONFORMANCE_HOST` and `FIRESTORE_CONFORMANCE_HOST` are
//! set to their addresses.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's helper fails the test"
)]

mod checkout;

mod build_files;
mod dependencies;
mod documents;
mod layers;
mod layout;
mod names;
mod paths;
mod readmes;
mod terraform_data;
mod texts;
mod topology;
mod words;

mod target;

mod alerts;
mod firestore;
mod objects;
mod pubsub;
mod push;
mod run;
mod scheduler;
mod services;
mod storage;
mod vertex;
