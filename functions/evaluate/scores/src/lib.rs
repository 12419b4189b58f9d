//! Scores of answers against references, and which of two models' scores are better.
//!
//! The crate is pure: texts go in, numbers come out. It uses no network, no clock and no client, so
//! that the function on Cloud Run and the command on a laptop reach the same verdict on the same
//! answers.

mod text;

pub mod metric;
pub mod metrics;

pub mod comparison;
pub mod offline;
pub mod scoring;
pub mod task;

#[cfg(test)]
mod golden;
