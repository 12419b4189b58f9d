//! The cleaning engine: rows in any known format become rows that Gemini can be tuned on.
//!
//! The engine is pure: bytes and [`Settings`] go in; a [`Report`] and files of rows come out. It
//! uses no network, no clock and no client, so that the function on Cloud Run, the command on a
//! laptop, the fuzzer and the benchmark all make the same bytes of the same dataset.
//!
//! One [`pass()`] in bounded memory, on all cores: threads process batches of rows side by side, and
//! one merges them in order.

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
mod brackets;
mod byte_classes;
mod byte_classes;
mod container;
mod detect;
mod example;
mod formats;
mod gemini;
mod held_out;
mod identity;
mod json;
mod judged;
mod keys;
mod language;
mod pages;
mod row;
mod rules;
mod search;
mod sketch;
mod split;
mod template;
mod tokens;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use crate::{
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
};
