//! The names of classes, which Hugging Face's `datasets` writes into the metadata of a file: the column
//! itself has only their numbers.
//!
//! Source: `Features` and `ClassLabel` of the library, as written under the key `huggingface`.

use std::collections::BTreeMap;

use parquet::file::metadata::FileMetaData;
use serde::Deserialize;

use super::schema::{Field, FieldKind, Scalar};

/// The key of the metadata.
const KEY: &str = "huggingface";

/// Most classes of a column whose names are used.
const CLASSES_MAX: usize = 10_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    info: Info,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    /// Features by the name of their column; those of other kinds have other members.
    features: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct ClassLabel {
    #[serde(rename = "_type")]
    kind: String,
    names: Vec<String>,
}

/// Gives the numbers of classes in `fields` the names that `file` has for them.
pub(super) fn give(file: &FileMetaData, fields: &mut [(String, Field)]) {
    let pairs = file.key_value_metadata().into_iter().flatten();
    let mut texts = pairs.filter(|pair| pair.key == KEY);
    let text = texts.find_map(|pair| pair.value.as_deref());
    // What does not parse names nothing: the numbers stay.
    let metadata: Metadata = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut features = metadata.info.features;
    for (name, field) in fields {
        let feature = features.remove(name.as_str());
        let label = feature.and_then(|value| serde_json::from_value::<ClassLabel>(value).ok());
        let Some(label) = label.filter(|label| label.kind == "ClassLabel") else {
            continue;
        };
        if label.names.len() <= CLASSES_MAX
            && matches!(field.kind, FieldKind::Scalar(Scalar::Number))
        {
            field.kind = FieldKind::Class(label.names);
        }
    }
}

/// Writes the name of the class with this `number`: `null` for -1, which stands where there is none.
pub(super) fn write(number: &[u8], names: &[String], out: &mut Vec<u8>) {
    let number = std::str::from_utf8(number).unwrap_or_default();
    let name = number.parse::<usize>().ok();
    match name.and_then(|index| names.get(index)) {
        Some(name) => crate::json::write_key(name, out),
        None if number == "-1" => out.extend_from_slice(b"null"),
        None => out.extend_from_slice(number.as_bytes()),
    }
}
