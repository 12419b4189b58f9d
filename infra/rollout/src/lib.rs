//! Brings a release to Cloud Run: every changed function first as a canary without traffic, which
//! must pass a smoke test; then the traffic, step by step; and a rollback of everything where
//! something fails.
//!
//! The decisions are pure: [`change`] says what a function needs, [`sequencer`] in which order and
//! when to roll back, [`traffic`] where requests go, [`request_counts`] whether too many fail,
//! [`provenance`] whether an image was built from the right sources. The rest carries them out. It
//! waits for states, never for answers: a lost answer, or a change that conflicts, is polled again.

pub mod chain;
pub mod change;
pub mod images;
pub mod provenance;
pub mod request_counts;
pub mod sequencer;
pub mod service;
pub mod steps;
pub mod traffic;

mod admin;
mod error;
mod observer;
mod poller;
mod smoke_test;

mod component;
mod executor;
mod release;

pub mod cli;
