//! The binary `lapidary`: the whole system on one machine in one command, and the commands that
//! need no system.

pub mod cli;
mod commands;

mod doctor;
mod preflight;
mod timeline;

pub mod stack;

mod logs;
pub mod policy;
pub mod process;
mod provision;
mod resource_names;
mod serve;
pub mod topology;

mod earlier_versions;
pub mod session;

mod arguments;
mod exit;

mod chart;
mod output;
mod screen;
mod table;
mod text;
