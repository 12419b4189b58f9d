//! `manifest.json`: what a version was made from, by which settings and rules, and which files it
//! consists of. Unlike the report it quotes a few rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AppliedRule, Cleaned, Sample, Settings, Written};

/// What every manifest says, and `A`, which differs: the function on Cloud Run adds the document of
/// the version, the command on a laptop the file that it read.
#[derive(Debug, Serialize)]
pub struct Manifest<'a, A> {
    #[serde(flatten)]
    about: A,
    settings: &'a Settings,
    /// Every rule by its code: its version, and what was done about it.
    rules: BTreeMap<&'static str, AppliedRule>,
    parts: Option<&'a Written>,
    samples: &'a [Sample],
}

impl<'a, A: Serialize> Manifest<'a, A> {
    /// The manifest of what `settings` made.
    pub fn new(about: A, settings: &'a Settings, cleaned: &'a Cleaned) -> Self {
        Self {
            about,
            settings,
            rules: settings.rules(),
            parts: cleaned.written.as_ref(),
            samples: &cleaned.samples,
        }
    }
}

/// The settings in the text of a manifest, whatever else it says.
pub fn manifest_settings(text: &[u8]) -> Result<Settings, serde_json::Error> {
    #[derive(Deserialize)]
    struct Stored {
        settings: Settings,
    }
    serde_json::from_slice::<Stored>(text).map(|stored| stored.settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_a_manifest_with_other_fields() {
        let settings = Settings {
            seed: 9,
            ..Settings::default()
        };
        let manifest = serde_json::json!({ "source": "rows.jsonl", "settings": settings });
        let read = manifest_settings(manifest.to_string().as_bytes()).unwrap();
        assert_eq!(read, settings);
        assert!(manifest_settings(b"{}").is_err());
    }
}
