//! The cleaning engine: converts rows in any known format to rows that Gemini can be tuned on.
//!
//! The engine is pure: bytes and [`Settings`] go in, a [`Report`] and files of rows come out. It
//! uses no network, no clock and no client, so that the function on Cloud Run, the command on a
//! laptop, the fuzzer and the benchmark make the same bytes of the same dataset.
//!
//! One [`pass()`] runs in bounded memory on all cores: threads process batches of rows in parallel,
//! and one merges them in order. [`survey`] is a pass without outputs; [`process_range`] and
//! [`merge`] share a pass among machines.

// The layers, from the bottom up: a module uses its own block and those above it in this list,
// never one below. A conformance test holds this, re-exports resolved.
mod blocks;
mod brackets;
mod byte_classes;
mod json;
mod keys;
mod pages;
mod schema;
mod tokens;

mod detect;

mod batch;
mod error;
mod finding;
mod key_names;
mod location;
mod meter;
mod outputs;
mod row_span;
mod severity;
mod source;
mod task;

mod example;
mod gemini;
mod language;
mod media;
mod sketch;

mod folded;
mod template;

mod rule;

mod rules;
mod settings;

mod format;
mod formats;

mod expectations;

mod container;
mod dedup_index;
mod findings;
mod held_out;
mod identity;
mod names;
mod plan;
mod report;

mod column_use;
mod review;
mod split;

mod processed;
mod row_processor;
mod search;

mod row_traits;

mod identify;

mod frames;
mod pass;

mod render;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

// To clean a dataset: what to read, how, on what machine, and what comes out.
pub use crate::{
    outputs::{OutputFile, OutputFileSummary, Outputs, Written},
    pass::{Cleaned, Machine, Outcome, Sample, pass, survey, survey_by},
    plan::Plan,
    source::{File, Ranges, Source},
};
// To share a pass among machines: one range of bytes each, merged by one.
pub use crate::pass::{is_cuttable, merge, process_range, range_of};
// What a recipe can set, and the rules that it can set it for.
pub use crate::{
    rule::{Rule, Scan},
    rules::rules,
    settings::{AppliedRule, Settings, SplitBy},
    severity::Severity,
};
// What was found.
pub use crate::{
    finding::Finding,
    meter::Crc32c,
    report::{
        Calibration, ColumnReport, ColumnUse, Distribution, Report, ReportVerdict, RowCounts,
        SplitCounts, TokenCounts,
    },
    review::{ReviewLimits, review},
    row_span::RowNumbers,
    task::Task,
};
// What went wrong with the cleaning itself.
pub use crate::error::{Error, FrameError};
// To know a row again: across versions of a dataset, and across formats.
pub use crate::{
    held_out::{HeldOut, HeldOutRead},
    identify::{IdentifiedDataset, IdentifiedRow, RowIdentifier, identify},
    identity::Identity,
    row_traits::RowTraits,
};
// What people read.
pub use crate::render::{Manifest, Provenance, card, manifest_settings, render};
