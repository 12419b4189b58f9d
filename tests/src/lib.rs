//! What the system's tests share: a stack of their own, and ways to wait for it.

#![expect(
    clippy::missing_panics_doc,
    reason = "a helper panics where its test has failed, and nobody handles that"
)]

pub mod cloud;
pub mod faults;
pub mod harness;
pub mod person;
pub mod wait;
