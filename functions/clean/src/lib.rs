//! Turns an uploaded dataset into an immutable version that a tuning job can learn from.
//!
//! The rows are cleaned by the engine, `clean_engine`, which knows no network. This crate is the
//! function around it: `handler` consumes the event of an upload, `make` streams the object through
//! the engine, `streams` joins the two.

mod attend;
mod calibrate;
mod cleaning;
mod config;
mod fate;
mod handler;
mod input;
mod lineage;
mod make;
mod order;
mod start;
mod state;
mod streams;
mod task;

pub use crate::{
    config::Config,
    start::{run, run_task},
};
