//! The laptop: the whole system in one command, and the commands that need no system.

pub mod cli;
mod commands;
pub mod session;

mod chart;
mod doctor;
mod earlier;
mod limits;
mod output;
mod preflight;
mod story;
mod table;
mod text;

mod logs;
pub mod process;
mod provision;
mod serve;
pub mod stack;
pub mod topology;
