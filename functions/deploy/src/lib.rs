//! The gate: moves the route to the tuned model only if the evaluation allows it, and knows the way back.

pub mod gate;

pub mod route;
