//! Brings a release to Cloud Run: every changed function first as a canary without traffic, which
//! must answer; then the traffic, step by step; and all of it back where something fails.
//!
//! What is decided is pure: [`work`] says what is to be done, [`machine`] in which order and when to
//! turn back, [`traffic`] where requests go, [`requests`] whether there are too many errors,
//! [`provenance`] whether an image comes from where it must. The rest carries that out, and waits on
//! state, never on an answer: an answer that is lost, or a change that conflicts, is looked at again.

pub mod chain;
pub mod images;
pub mod machine;
pub mod provenance;
pub mod requests;
pub mod service;
pub mod steps;
pub mod traffic;
pub mod work;

mod admin;
mod looks;
mod observe;
mod smoke;
mod trouble;

mod carrier;
mod release;

pub mod cli;
