//! The laptop: the whole system in one command, and the commands that need no system.

pub mod cli;
mod commands;
pub mod session;

mod story;
mod preflight;
mod chart;
mod output;
mod table;
mod text;

pub mod stack;
pub mod topology;
mod provision;
pub mod process;
mod logs;
mod serve;
