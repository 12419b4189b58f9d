//! One file for each command: its arguments, and what it does.

pub(crate) mod demo;
pub(crate) mod up;

pub(crate) mod env;

pub(crate) mod doctor;

pub(crate) mod approve;
pub(crate) mod canary;
pub(crate) mod change;
pub(crate) mod deploy;
pub(crate) mod drop;
pub(crate) mod evaluate;
pub(crate) mod hold;
pub(crate) mod policy;
pub(crate) mod retune;
pub(crate) mod rollback;
mod route_change;
pub(crate) mod runs;
pub(crate) mod show;
pub(crate) mod spend;
pub(crate) mod trace;
pub(crate) mod watch;

pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod datasets;
pub(crate) mod score;
