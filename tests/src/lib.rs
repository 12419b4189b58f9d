//! What the system's tests share: a stack of their own, and ways to wait for it.

pub mod faults;
pub mod harness;
pub mod person;
pub mod wait;
