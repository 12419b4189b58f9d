//! What a version is made from: whatever decides its bytes, and nothing else.

use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    google::objects::Stat,
    id::{DatasetName, VersionId},
    recipe::Recipe,
};

/// The version of this code: part of the name of every version that it makes.
pub(crate) const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// An upload to be made a version of. Two deliveries, or two machines, that are given the same
/// order make the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionSpec {
    /// The version's name.
    pub(crate) id: VersionId,
    /// Whose version it is to be.
    pub(crate) dataset: DatasetName,
    /// The uploaded generation.
    pub(crate) stat: Stat,
    /// The recipe it was uploaded with.
    pub(crate) recipe: Recipe,
    /// The earlier versions that it does not train on the questions of.
    #[serde(default)]
    pub(crate) parents: Vec<VersionId>,
}

impl VersionSpec {
    /// Names the version that `stat` and `recipe` make where there is no earlier one.
    pub(crate) fn new(dataset: DatasetName, stat: Stat, recipe: Recipe) -> Result<Self, Error> {
        let text = serde_json::to_string(&recipe).map_err(|source| Error::Internal {
            what: "a recipe that does not serialise",
            source: source.into(),
        })?;
        let checksum = stat.crc32c.unwrap_or_default().to_string();
        let size = stat.size_bytes.to_string();
        // Composed objects have no MD5; 32 bits of checksum alone are too few to tell uploads apart.
        let exact = match stat.md5.as_str() {
            "" => stat.artifact.to_string(),
            md5 => md5.to_owned(),
        };
        let decisive = [&*exact, &checksum, &size, &text, CODE_VERSION];
        Ok(Self {
            id: VersionId::derive(&dataset, &decisive),
            dataset,
            stat,
            recipe,
            parents: Vec::new(),
        })
    }

    /// Where the version's objects are, within the bucket of datasets.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}", self.dataset, self.id)
    }
}
