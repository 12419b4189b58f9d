//! Turns an uploaded dataset into an immutable version that a tuning job can learn from.
//!
//! The engine, `clean_engine`, cleans the rows and knows no network. This crate is the function
//! around it. `handler` consumes the event of an upload, `build_version` streams the object through
//! the engine, and `streams` connects the two. A large upload is left to a Cloud Run job: `cleaning`
//! is its document, `task` its work, and `reconcile` restarts it after a failure.

mod start;

mod handler;
mod lineage;
mod recipe;
mod version_spec;

mod build_input;
mod build_version;
mod calibrate;
mod upload_result;

mod cleaning;
mod reconcile;
mod task;

mod blocking;
mod config;
mod state;
mod streams;

pub use crate::{
    config::Config,
    start::{run, run_task},
};
