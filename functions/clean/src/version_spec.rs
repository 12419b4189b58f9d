//! The specification of a version: everything that determines its bytes, and nothing else.

use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    google::objects::Stat,
    id::{DatasetName, VersionId},
    recipe::Recipe,
};

/// The version of this code: part of the name of every version that it makes.
pub(crate) const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The specification of a version. Two deliveries, or two machines, with the same specification build
/// the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionSpec {
    /// The id of the version.
    pub(crate) id: VersionId,
    /// The dataset of the version.
    pub(crate) dataset: DatasetName,
    /// The uploaded generation.
    pub(crate) stat: Stat,
    /// The recipe it was uploaded with.
    pub(crate) recipe: Recipe,
    /// Whether the recipe was in the folder. Absent of specifications made before it was recorded.
    #[serde(default)]
    pub(crate) recipe_found: Option<bool>,
    /// The earlier versions whose evaluation questions it does not train on.
    #[serde(default)]
    pub(crate) parents: Vec<VersionId>,
}

impl VersionSpec {
    /// The specification of a version without parents.
    pub(crate) fn new(
        dataset: DatasetName,
        stat: Stat,
        recipe: Recipe,
        recipe_found: bool,
    ) -> Result<Self, Error> {
        let text = serde_json::to_string(&recipe).map_err(|source| Error::Internal {
            what: "a recipe that does not serialise",
            source: source.into(),
        })?;
        let checksum = stat.crc32c.unwrap_or_default().to_string();
        let size = stat.size_bytes.to_string();
        // Composed objects have no MD5, and a checksum of 32 bits is too short to identify an upload, so
        // they are identified by name and generation.
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
            recipe_found: Some(recipe_found),
            parents: Vec::new(),
        })
    }

    /// The folder of the version's objects in the bucket of datasets.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}", self.dataset, self.id)
    }
}
