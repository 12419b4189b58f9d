//! Asks the base and the tuned model the same held-out prompts, scores both, and says honestly which is better.
//!
//! The modules here are pure: no clock, no client, no task. What calls them reads rows, asks models and stores the result.

pub mod sample;

pub mod turn;

pub mod answer;

pub mod parts;

pub mod metrics;

pub mod compare;
