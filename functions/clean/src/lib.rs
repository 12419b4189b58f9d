//! Turns an uploaded dataset into an immutable version that a tuning job can learn from.
//!
//! The engine is pure: bytes and [`Settings`] go in, a [`Report`] and three files of examples come
//! out. It knows no network, no clock and no Google, so the function on Cloud Run and the command
//! on a laptop give the same bytes for the same dataset.
//!
//! One [`pass()`] in bounded memory, on all cores: batches of rows are judged side by side and taken
//! in order. Around it, the function: `handler` hears of uploads, `make` streams them through the
//! engine, `streams` joins the two.

mod attend;
mod calibrate;
mod cleaning;
mod config;
mod fate;
mod handler;
mod input;
mod lineage;
mod make;
mod order;
mod start;
mod state;
mod streams;
mod task;

mod error;
mod finding;
mod frames;
mod meter;
mod parts;
mod pass;
mod plan;
mod report;
mod settings;
mod source;

mod batch;
mod blocks;
mod container;
mod example;
mod formats;
mod gemini;
mod held_out;
mod identity;
mod json;
mod judged;
mod pages;
mod row;
mod rules;
mod scan;
mod signs;
mod split;
mod template;
mod tokens;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use crate::{
    config::Config,
    error::{Error, FramesFault},
    finding::Finding,
    held_out::{HeldOut, HeldRows},
    identity::Identity,
    meter::Crc32c,
    parts::{Outputs, Part, PartSummary, Written},
    pass::{
        Cleaned, Machine, Outcome, Sample, is_cuttable, judge_range, merge, pass, range_of, survey,
        survey_by,
    },
    plan::Plan,
    report::{
        Calibration, Distribution, Provenance, Report, Rows, Splits, Task, Tokens, Verdict, card,
        render,
    },
    rules::{Rule, rules},
    settings::{Applied, Scan, Settings, Severity},
    source::{File, Ranges, Source},
    start::{run, run_task},
};
