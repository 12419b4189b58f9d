//! New objects from existing ones: copies and compositions.

use futures::TryStreamExt as _;
use std::io;

use super::{
    condition::Conditions,
    failure::Failure,
    generation::NewObject,
    object::{Attributes, ObjectMetadata, ObjectName},
    store::{Store, StoredObject},
};

/// Objects of one composition: cloud.google.com/storage/docs/composite-objects.
const SOURCES_MAX: usize = 32;

/// A source of a copy or of a composition.
#[derive(Debug, Clone)]
pub(super) struct CopySource {
    pub(super) name: ObjectName,
    pub(super) generation: Option<i64>,
    pub(super) conditions: Conditions,
}

impl Store {
    /// Copies `source` to `name`; without `attributes` those of the source are copied.
    pub(super) async fn copy(
        &self,
        source: &CopySource,
        name: ObjectName,
        conditions: Conditions,
        attributes: Attributes,
    ) -> Result<ObjectMetadata, Failure> {
        let StoredObject { object, content } = self.source(source)?;
        let attributes = if attributes == Attributes::default() {
            object.attributes
        } else {
            attributes
        };
        let sums = (object.size_bytes, object.crc32c, object.md5);
        let draft = self.blobs.link(&content, sums).await;
        let target = NewObject {
            name,
            attributes,
            conditions,
            component_count: object.component_count,
        };
        self.create(
            draft.map_err(|failure| missing_file(failure, &source.name))?,
            target,
        )
    }

    /// Concatenates `sources` into `target`.
    pub(super) async fn compose(
        &self,
        sources: &[CopySource],
        mut target: NewObject,
    ) -> Result<ObjectMetadata, Failure> {
        if sources.is_empty() {
            return Err(Failure::Required("sourceObjects"));
        }
        if sources.len() > SOURCES_MAX {
            return Err(Failure::Invalid(format!(
                "The number of source components provided ({}) exceeds the maximum ({SOURCES_MAX})",
                sources.len()
            )));
        }
        self.validate(&target)?;
        let mut writer = self.blobs.writer().await?;
        let mut components = 0;
        for source in sources {
            let StoredObject { object, content } = self.source(source)?;
            let pieces = content.read(0..object.size_bytes).await;
            let mut pieces = pieces.map_err(|error| missing_file(error.into(), &source.name))?;
            while let Some(piece) = pieces.try_next().await? {
                writer.write(&piece).await?;
            }
            components += object.component_count.unwrap_or(1);
        }
        target.component_count = Some(components);
        let mut draft = writer.finish().await?;
        draft.md5 = None;
        self.create(draft, target)
    }

    /// A source whose preconditions fail is a 412 even if a read would be a 304.
    fn source(&self, source: &CopySource) -> Result<StoredObject, Failure> {
        let found = self.find(&source.name, source.generation, Conditions::default())?;
        source.conditions.allow_write(found.object.current())?;
        Ok(found)
    }
}

/// Between the look-up and the read the object may be deleted; then its file is missing.
pub(super) fn missing_file(failure: Failure, name: &ObjectName) -> Failure {
    if let Failure::Files(error) = &failure
        && error.kind() == io::ErrorKind::NotFound
    {
        return name.not_found();
    }
    failure
}
