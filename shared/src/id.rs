//! Names that are derived, never random: a delivery that does the work again finds it done.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Longest name in bytes: a run's id is a Vertex label, whose values end at 63.
const NAME_MAX_BYTES: usize = 63;
/// Longest dataset name: leaves room for the two digests of a run's id.
const DATASET_MAX_BYTES: usize = 38;
/// Base32 characters of a version's digest: 60 bits.
const VERSION_DIGEST_CHARS: usize = 12;
/// Base32 characters of a run's digest: 50 bits among the runs of one version.
const RUN_DIGEST_CHARS: usize = 10;

/// Text that is not a name.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a name: use 1 to {NAME_MAX_BYTES} of a-z, 0-9 and `-`, a letter or digit first"
)]
pub struct InvalidName(String);

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName(text.chars().take(80).collect()))
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name! {
    /// A dataset: what a person calls the rows they upload again and again.
    DatasetName
}
name! {
    /// One immutable cleaned state of a dataset: `{dataset}-{digest of source and rules}`.
    VersionId
}
name! {
    /// One tuning of one version by one plan: `{version}-{digest of the plan}`.
    RunId
}

name! {
    /// One smoke test of one revision. The only id that is random, not derived: a revision must not
    /// pass by its answer to an earlier test.
    SmokeId
}

impl DatasetName {
    /// The folder of an uploaded object, or its stem where it has none.
    pub fn folder_of(object: &str) -> &str {
        match object.split_once('/') {
            Some((folder, _)) => folder,
            None => object.split('.').next().unwrap_or_default(),
        }
    }

    /// The dataset that an uploaded object belongs to: its folder, or its stem where it has none.
    ///
    /// Object names are free text of up to 1,024 bytes. Characters that a name cannot have become
    /// `-`, and a name of which nothing is left becomes a digest.
    pub fn of_object(object: &str) -> Self {
        let folder = Self::folder_of(object);
        let mut name = String::new();
        for character in folder.chars() {
            if character.is_ascii_alphanumeric() {
                name.push(character.to_ascii_lowercase());
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
            if name.len() == DATASET_MAX_BYTES {
                break;
            }
        }
        let name = name.trim_end_matches('-');
        if name.is_empty() {
            Self(format!(
                "dataset-{}",
                short(&[folder], VERSION_DIGEST_CHARS)
            ))
        } else {
            Self(name.to_owned())
        }
    }
}

impl VersionId {
    /// The version that follows from `dataset` and all that decides its content.
    pub fn derive(dataset: &DatasetName, parts: &[&str]) -> Self {
        Self(format!("{dataset}-{}", short(parts, VERSION_DIGEST_CHARS)))
    }
}

impl RunId {
    /// The run that follows from `version` and all that decides its plan.
    pub fn derive(version: &VersionId, parts: &[&str]) -> Self {
        Self(format!("{version}-{}", short(parts, RUN_DIGEST_CHARS)))
    }

    /// The version that it tunes on.
    pub fn version(&self) -> VersionId {
        let version = self
            .0
            .rsplit_once('-')
            .map_or(&*self.0, |(version, _)| version);
        VersionId(version.to_owned())
    }
}

/// The id in a model's name: `models/X`, `publishers/google/models/X`, and the same below a project, are the
/// model `X`, as is `google/X`. Any other text stays as it is, so that an error shows what was written.
pub fn model_id(name: &str) -> &str {
    match name.rsplit_once("models/") {
        Some(("" | "publishers/google/", id)) => id,
        Some((path, id))
            if path.starts_with("projects/") && path.ends_with("/publishers/google/") =>
        {
            id
        }
        Some(_) => name,
        None => name.strip_prefix("google/").unwrap_or(name),
    }
}

/// The SHA-256 of `parts` in hex; lengths are hashed too, so that no two lists collide by joining.
pub fn digest(parts: &[&str]) -> String {
    HEXLOWER.encode(&hash(parts))
}

fn short(parts: &[&str], chars: usize) -> String {
    let mut text = BASE32_NOPAD.encode(&hash(parts)).to_ascii_lowercase();
    text.truncate(chars);
    text
}

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part.as_bytes());
    }
    sha.finalize().into()
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX_BYTES).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(object: &str, dataset: &str) {
        assert_eq!(
            DatasetName::of_object(object).as_str(),
            dataset,
            "{object:?}"
        );
    }

    #[test]
    fn an_object_names_its_dataset() {
        check("tickets/2026-11.jsonl", "tickets");
        check("tickets/a/b.jsonl", "tickets");
        check("rows.jsonl", "rows");
        check("My Data (v2)/x", "my-data-v2");
        check("../x", "dataset-iepbwa62m6ua");
    }

    #[test]
    fn a_models_name_may_be_written_in_full() {
        for name in [
            "m",
            "models/m",
            "publishers/google/models/m",
            "projects/p/locations/global/publishers/google/models/m",
        ] {
            assert_eq!(model_id(name), "m");
        }
        for name in ["a/m", "tuned/models/m", "<script>alert(1)</script>"] {
            assert_eq!(model_id(name), name, "shown as it was written");
        }
    }

    #[test]
    fn digests_do_not_depend_on_where_parts_are_cut() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    proptest! {
        #[test]
        fn any_object_leads_to_names_that_are_labels(object in ".{0,200}", part in ".{0,20}") {
            let dataset = DatasetName::of_object(&object);
            let version = VersionId::derive(&dataset, &[&part]);
            let run = RunId::derive(&version, &[&part]);
            prop_assert!(run.as_str().parse::<RunId>().is_ok(), "{run}");
            prop_assert!(dataset.as_str().parse::<DatasetName>().is_ok(), "{dataset}");
        }
    }
}
