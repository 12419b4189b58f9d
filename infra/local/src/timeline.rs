//! What happens to an upload, from its rows to the route, read from its documents alone.
//!
//! A [`ChainSnapshot`] is what the documents say at one time, and [`Ending`] how the chain ended.
//! `diff` has the lines in which two snapshots differ, `stage` what is in progress, and [`summary()`]
//! everything at the end. All of that is pure; [`reader`] and [`follower`] do the reading.

mod snapshot;
mod words;

mod diff;
mod stage;
mod summary;

pub(crate) mod follower;
pub(crate) mod reader;

#[cfg(test)]
pub(crate) mod samples;

pub(crate) use self::{
    snapshot::{ChainSnapshot, Ending},
    summary::{Section, render, summary},
    words::{reason_words, state_words},
};
