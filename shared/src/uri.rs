//! The address of an object: `gs://bucket/object`, with or without its generation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Text that is not the address of an object.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not `gs://BUCKET/OBJECT`")]
pub struct InvalidUri(String);

/// The address of an object, whichever generation is live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GcsUri {
    /// The bucket's name.
    pub bucket: String,
    /// The object's name: free text, `/` included.
    pub object: String,
}

impl GcsUri {
    /// The address of `object` in `bucket`.
    pub fn new(bucket: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            object: object.into(),
        }
    }
}

impl fmt::Display for GcsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{}/{}", self.bucket, self.object)
    }
}

impl FromStr for GcsUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        text.strip_prefix("gs://")
            .and_then(|rest| rest.split_once('/'))
            .filter(|(bucket, object)| !bucket.is_empty() && !object.is_empty())
            .map(|(bucket, object)| Self::new(bucket, object))
            .ok_or_else(|| InvalidUri(text.chars().take(200).collect()))
    }
}

impl TryFrom<String> for GcsUri {
    type Error = InvalidUri;

    fn try_from(text: String) -> Result<Self, InvalidUri> {
        text.parse()
    }
}

impl From<GcsUri> for String {
    fn from(uri: GcsUri) -> Self {
        uri.to_string()
    }
}

/// One generation of an object: bytes that never change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Artifact {
    /// Its address.
    pub uri: GcsUri,
    /// Its generation.
    pub generation: i64,
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.uri, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_written() {
        let uri = GcsUri::new("b", "a folder/ü#1.jsonl");
        assert_eq!(uri.to_string().parse::<GcsUri>().unwrap(), uri);
        for text in ["gs://b", "gs:///o", "gs://b/", "s3://b/o", ""] {
            assert!(text.parse::<GcsUri>().is_err(), "{text:?}");
        }
    }
}
