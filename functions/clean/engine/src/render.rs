//! What people read of a cleaning: the report on a terminal, and the data card in Markdown.

mod card;
mod manifest;
mod text;

pub use self::{
    card::{Provenance, card},
    manifest::{Manifest, manifest_settings},
    text::render,
};
