//! What an upload will create: the common part of all kinds of uploads.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use serde_json::Value;

use super::{
    blob::Writer,
    checksum::ExpectedChecksums,
    condition::Conditions,
    failure::Failure,
    generation::NewObject,
    object::{Attributes, ObjectMetadata, ObjectName},
    query::UrlQuery,
    store::Store,
};

/// What an upload will create, and the expected checksums.
#[derive(Debug, Clone)]
pub(super) struct UploadPlan {
    pub(super) target: NewObject,
    pub(super) expected: ExpectedChecksums,
}

impl UploadPlan {
    /// Combines the query and the object resource; the name in the query has priority.
    pub(super) fn new(bucket: &str, query: &UrlQuery, resource: &Value) -> Result<Self, Failure> {
        let named = resource.get("name").and_then(Value::as_str);
        let object = query.get("name").or(named).unwrap_or_default();
        let mut attributes = Attributes::default().patched(resource)?;
        if let Some(encoding) = query.get("contentEncoding") {
            attributes.content_encoding = Some(encoding.to_owned());
        }
        let mut expected = ExpectedChecksums::default();
        expected.add_resource(resource)?;
        let target = NewObject {
            name: ObjectName::new(bucket, object),
            attributes,
            conditions: Conditions::of(query)?,
            component_count: None,
        };
        target.name.validate()?;
        Ok(Self { target, expected })
    }

    /// Sets the content type if the resource has none.
    pub(super) fn content_type_or(&mut self, content_type: Option<String>) {
        let given = &mut self.target.attributes.content_type;
        *given = given.take().or(content_type);
    }

    /// Ends the upload: compares checksums, creates the object and returns it.
    pub(super) async fn complete(
        self,
        store: &Store,
        writer: Writer,
    ) -> Result<ObjectMetadata, Failure> {
        let draft = writer.finish().await?;
        self.expected.check(&draft)?;
        store.create(draft, self.target)
    }
}

/// Reads a refused body to its end: if the connection is closed while a client still sends, it
/// sees a broken pipe instead of our answer.
pub(super) async fn or_drain<T>(
    result: Result<T, Failure>,
    body: &mut BodyDataStream,
) -> Result<T, Failure> {
    if result.is_err() {
        while let Some(Ok(_)) = body.next().await {}
    }
    result
}
