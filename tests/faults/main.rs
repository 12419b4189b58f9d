//! Faults: what may go wrong, one at a time. Each file states the promise that its tests check.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helper fails the test, and reports progress"
)]

mod announcements;
mod canary;
mod commands;
mod crash;
mod create;
mod dependencies;
mod duplicate_deliveries;
mod gate;
mod large;
mod ledger;
mod lost;
mod money;
mod rollout;
mod terminate;
mod undecided;

/// What the stacks' functions are started from.
const PROGRAM: &str = env!("CARGO_BIN_EXE_lapidary-under-test");
