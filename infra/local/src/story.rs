//! What happens to an upload, from its rows to the route, told from its documents alone.
//!
//! A [`Snapshot`] is what the documents say at a moment. [`tell()`] gives the lines that two
//! moments differ by, [`Stage`] what is under way, [`Ending`] how it ended, and [`account()`]
//! everything in the end. All of that is pure; [`read`] and [`follow`] do the reading.

mod snapshot;
mod stage;
mod tell;
mod words;

mod account;

pub(crate) mod follow;
pub(crate) mod read;
pub(crate) mod screen;

#[cfg(test)]
pub(crate) mod samples;

pub(crate) use self::{
    account::{Section, account, render},
    snapshot::{Ending, Snapshot},
    stage::Stage,
    tell::tell,
    words::{reason_words, state_words},
};
