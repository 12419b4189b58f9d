//! The files that describe the rows: report, card and manifest.
//!
//! None of them has a time or a directory in it, so the same rows have the same files anywhere.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write as _},
    path::Path,
};

use clean_engine::{Crc32c, HeldOut, Manifest, Provenance, RowCounts, SplitCounts};
use serde::Serialize;
use shared::recipe::Recipe;
use tempfile::NamedTempFile;

use super::part_files::temporary;
use crate::preflight::Preflight;

pub(super) const REPORT: &str = "report.json";
pub(super) const CARD: &str = "card.md";
pub(super) const MANIFEST: &str = "manifest.json";

/// What `manifest.json` says besides what every manifest says: enough to make the same files again,
/// and to recognise them.
#[derive(Serialize)]
struct AboutFile<'a> {
    /// The name of the file, without its directory.
    source: &'a str,
    source_crc32c: Crc32c,
    source_bytes: u64,
    code_version: &'static str,
    template_version: Option<&'a str>,
    recipe: &'a Recipe,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_out: Option<HeldOutSummary>,
    rows: RowCounts,
    splits: SplitCounts,
    codes: &'a BTreeMap<String, u64>,
}

/// The rows that earlier versions held out, without their text.
#[derive(Serialize)]
struct HeldOutSummary {
    rows: u64,
    digest: String,
}

impl HeldOutSummary {
    fn of(held_out: &HeldOut) -> Option<Self> {
        (!held_out.is_empty()).then(|| Self {
            rows: held_out.rows(),
            digest: held_out.digest(),
        })
    }
}

/// Writes `report.json` to a temporary file.
pub(super) fn report(directory: &Path, preflight: &Preflight) -> io::Result<NamedTempFile> {
    json(directory, &preflight.cleaned.report)
}

/// Writes `card.md` to a temporary file.
pub(super) fn card(
    directory: &Path,
    input: &Path,
    preflight: &Preflight,
) -> io::Result<NamedTempFile> {
    let name = name_of(input);
    let about = Provenance {
        name: &name,
        source: &name,
        recipe: &preflight.recipe.to_toml(),
        settings: &preflight.settings,
        code_version: env!("CARGO_PKG_VERSION"),
        made_at: None,
    };
    let mut file = temporary(directory)?;
    file.write_all(clean_engine::card(&about, &preflight.cleaned).as_bytes())?;
    Ok(file)
}

/// Writes `manifest.json` to a temporary file.
pub(super) fn manifest(
    directory: &Path,
    input: &Path,
    preflight: &Preflight,
) -> io::Result<NamedTempFile> {
    let report = &preflight.cleaned.report;
    let about = AboutFile {
        source: &name_of(input),
        source_crc32c: report.crc32c,
        source_bytes: report.bytes,
        code_version: env!("CARGO_PKG_VERSION"),
        template_version: report.template_version.as_deref(),
        recipe: &preflight.recipe,
        held_out: HeldOutSummary::of(&preflight.held_out),
        rows: report.rows,
        splits: report.splits,
        codes: &report.codes,
    };
    json(
        directory,
        &Manifest::new(about, &preflight.settings, &preflight.cleaned),
    )
}

fn name_of(file: &Path) -> Cow<'_, str> {
    file.file_name().unwrap_or_default().to_string_lossy()
}

fn json(directory: &Path, value: &impl Serialize) -> io::Result<NamedTempFile> {
    let mut file = temporary(directory)?;
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    Ok(file)
}
