//! What every function has in common.
//!
//! A module is here because two functions use it today. Read [`event`] first: it has every message
//! between the functions on one page.

pub mod delivery;
pub mod error;
pub mod event;

pub mod checkpoint;
pub mod curve;
pub mod dataset;
pub mod evaluation;
pub mod health;
pub mod id;
pub mod job_ledger;
pub mod job_state;
pub mod policy;
pub mod price;
pub mod recipe;
pub mod route;
pub mod run;
pub mod run_change;
pub mod spend;
pub mod uri;
pub mod waits;

pub mod auth;
pub mod google;
pub mod outcome;
pub mod retry;

pub mod clock;
pub mod config;
pub mod quantity;
pub mod service;
pub mod smoke;
pub mod telemetry;
pub mod trace;
