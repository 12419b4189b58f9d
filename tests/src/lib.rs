//! Shared by the system tests: a stack for each test, scripted faults, and waits.

#![expect(
    clippy::missing_panics_doc,
    reason = "a helper panics to fail its test"
)]

pub mod cloud;
pub mod faults;
pub mod harness;
pub mod person;
pub mod vertex_proxy;
pub mod wait;
