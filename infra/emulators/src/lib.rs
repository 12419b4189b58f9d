//! Emulators of the Google Cloud services that Lapidary uses, on the wire and all on one port.
//!
//! Nothing of Lapidary is imported here: a client and its emulator that share a type share its
//! bugs. What is not served is refused with UNIMPLEMENTED (over HTTP a 400) and its name.

mod emulators;
mod options;

mod listener;
mod router;

mod identity;
mod storage;

mod firestore;
mod monitoring;
mod pubsub;
mod run;
mod scheduler;
mod vertex;

mod faults;

mod catalog;
pub mod clock;
mod connection;
mod db;
mod grpc;
mod ports;
mod rest;
mod ticker;

#[cfg(test)]
mod polls;

pub use self::{
    emulators::Emulators,
    options::{Error, Options},
    run::TaskLine,
};
