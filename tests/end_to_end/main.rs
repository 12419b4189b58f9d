//! Walkthroughs of the whole system: only HTTP and messages in, only HTTP, documents and objects out.
//!
//! Every test has a system of its own, whose functions are processes, and waits for states, never for
//! a time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod approval;
mod attempts;
mod authentication;
mod bad_input;
mod bad_messages;
mod cli;
mod console;
mod containers;
mod doctor;
mod early_stop;
mod forged_deliveries;
mod growth;
mod large;
mod logs;
mod notifications;
mod policy;
mod quota;
mod restart;
mod retune;
mod review;
mod smoke;
mod stall;
mod upload;

/// The program whose subcommand `serve` is a function: `lapidary`, under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_lapidary-under-test");

/// Rows that differ from one another, each with an answer of more than three words.
fn rows(count: usize) -> String {
    let row = |number: usize| {
        let (input, output) = (
            format!("Where does train number {number} stop on its way north?"),
            format!(
                "Train {number} stops at platform {} of the old harbour.",
                number % 7
            ),
        );
        serde_json::json!({ "input": input, "output": output }).to_string() + "\n"
    };
    (1..=count).map(row).collect()
}
