//! The decisions of `tune`, `watch` and `early-stop` under schedules of faults, each from a seed.
//!
//! The decisions are the shipped ones: the steps of a submission, the job ledger, spending, health and the
//! early stop. What is simulated is around them: the documents, the messages, Vertex AI, the time, and the
//! loops that perform what was decided. A schedule has faults for some minutes: crashes between effects,
//! lost and late answers, duplicates, clocks that differ, lists that lag behind, stray 404s, processes that
//! stand still and go on, refused lists, cancels without effect. Then the faults end, and all must come to
//! rest.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests fails the test"
)]

mod buyer;
mod early_stopper;
mod fixtures;
mod invariants;
mod paid_job;
mod profile;
mod random;
mod schedule;
mod service;
mod stage;
mod watcher;
mod world;

pub use self::{
    profile::{RemovedGuard, SimulationProfile},
    schedule::{Violation, run},
};
