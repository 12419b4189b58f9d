//! What must agree: crates with the map, functions with the topology, clients with their services.
//!
//! The suites of services run against the embedded emulators always, and `pubsub` and `firestore`
//! against Google's own as well, where `PUBSUB_CONFORMANCE_HOST` and `FIRESTORE_CONFORMANCE_HOST`
//! say where those listen.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's helper fails the test"
)]

mod checkout;

mod arrows;
mod build_files;
mod cloud;
mod documents;
mod layers;
mod readmes;
mod rooms;
mod topology;

mod stand;

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
