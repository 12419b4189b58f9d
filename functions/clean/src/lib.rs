//! Turns an uploaded dataset into an immutable version that a tuning job can learn from.
//!
//! The engine is pure: bytes and [`Settings`] go in, a [`Report`] and three files of examples come
//! out. It knows no network, no clock and no Google, so the function on Cloud Run and the command
//! on a laptop give the same bytes for the same dataset.
//!
//! Two passes in bounded memory: [`survey()`] reads everything once, decides about every row and
//! plans the split; [`write()`] reads again and writes what was decided. Around it, the function:
//! `handler` hears of uploads, `make` streams them through the engine, `streams` joins the two.

mod config;
mod handler;
mod make;
mod start;
mod streams;

mod error;
mod finding;
mod report;
mod settings;
mod source;
mod survey;
mod write;

mod container;
mod example;
mod formats;
mod gemini;
mod json;
mod row;
mod rules;
mod split;
mod tokens;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use crate::{
    config::Config,
    error::Error,
    finding::Finding,
    report::{Distribution, Report, Rows, Splits, Task, Tokens, Verdict, render},
    rules::{Rule, rules},
    settings::{Settings, Severity},
    source::{File, Ranges, Source},
    start::run,
    survey::{Sample, Survey, survey},
    write::{Outputs, Part, PartSummary, Written, write},
};
