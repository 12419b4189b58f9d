//! What may go wrong, tried: each test says which promise it defends.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helper fails the test, and says how far it came"
)]

mod crash;
mod create;
mod dependencies;
mod doubles;
mod large;
mod lost;
mod rollout;
mod terminate;

/// What the stacks' functions are started from.
const PROGRAM: &str = env!("CARGO_BIN_EXE_lapidary-under-test");
