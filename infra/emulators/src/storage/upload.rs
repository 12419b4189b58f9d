//! Uploads in one request: `uploadType=media` and `uploadType=multipart`.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::{
    blob::Writer,
    checksum::Expected,
    condition::Conditions,
    failure::Failure,
    generation::Target,
    multipart::Multipart,
    object::{Attributes, Name},
    query::Query,
    resumable::Resumable,
    store::Store,
};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// What an upload will create, and the expected checksums.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) expected: Expected,
}

impl Plan {
    /// Combines the query and the object resource; the name in the query has priority.
    pub(super) fn new(bucket: &str, query: &Query, resource: &Value) -> Result<Self, Failure> {
        let named = resource.get("name").and_then(Value::as_str);
        let object = query.get("name").or(named).unwrap_or_default();
        let mut attributes = Attributes::default().patched(resource)?;
        if let Some(encoding) = query.get("contentEncoding") {
            attributes.content_encoding = Some(encoding.to_owned());
        }
        let mut expected = Expected::default();
        expected.add_resource(resource)?;
        let target = Target {
            name: Name::new(bucket, object),
            attributes,
            conditions: Conditions::of(query)?,
            component_count: None,
        };
        target.name.admit()?;
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
    ) -> Result<super::object::Object, Failure> {
        let draft = writer.finish().await?;
        self.expected.check(&draft)?;
        store.create(draft, self.target)
    }
}

/// Answers a call on `/upload/storage/v1/b/{bucket}/o`.
pub(super) async fn answer(
    store: &Store,
    resumable: &Resumable,
    bucket: &str,
    request: Request,
) -> Result<Response, Failure> {
    let query = Query::of(&request);
    let session = query.get("upload_id").map(str::to_owned);
    match (request.method(), session, query.get("uploadType")) {
        (&Method::DELETE, Some(id), _) => Err(resumable.cancel(&id)),
        (&Method::PUT | &Method::POST, Some(id), _) => resumable.receive(id, request).await,
        (&Method::POST, None, Some("resumable")) => resumable.start(bucket, &query, request).await,
        (&Method::POST, None, Some("media")) => media(store, bucket, &query, request).await,
        (&Method::POST, None, Some("multipart")) => multipart(store, bucket, &query, request).await,
        (&Method::POST, None, None) => Err(Failure::Required("uploadType")),
        (_, _, kind) => Err(Failure::Unserved(format!(
            "{} with uploadType={}",
            request.method(),
            kind.unwrap_or_default()
        ))),
    }
}

async fn media(
    store: &Store,
    bucket: &str,
    query: &Query,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let plan = Plan::new(bucket, query, &json!({})).and_then(|mut plan| {
        plan.content_type_or(content_type(&parts.headers));
        plan.expected.add_headers(&parts.headers)?;
        store.admit(&plan.target)?;
        Ok(plan)
    });
    let plan = or_drain(plan, &mut body).await?;
    let mut writer = store.blobs.writer().await?;
    while let Some(piece) = body.next().await {
        writer.write(&piece.map_err(Failure::Body)?).await?;
    }
    let object = plan.complete(store, writer).await?;
    Ok(rest::ok(&object.json(&store.base_url)))
}

async fn multipart(
    store: &Store,
    bucket: &str,
    query: &Query,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let mut multipart = Multipart::new(&parts.headers, body.into_data_stream())?;
    let missing = || Failure::Invalid("Malformed multipart body: a part is missing.".to_owned());
    multipart.next_part().await?.ok_or_else(missing)?;
    let resource = multipart.json().await?;
    let kind = multipart.next_part().await?.ok_or_else(missing)?;
    let plan = Plan::new(bucket, query, &resource).and_then(|mut plan| {
        plan.content_type_or(kind);
        plan.expected.add_headers(&parts.headers)?;
        store.admit(&plan.target)?;
        Ok(plan)
    });
    let mut plan = match plan {
        Ok(plan) => plan,
        Err(failure) => {
            while multipart.next_part().await?.is_some() {}
            return Err(failure);
        }
    };
    let mut writer = store.blobs.writer().await?;
    while let Some(piece) = multipart.next_piece().await? {
        writer.write(&piece).await?;
    }
    if multipart.next_part().await?.is_some() {
        plan.expected.add_resource(&multipart.json().await?)?;
    }
    let object = plan.complete(store, writer).await?;
    Ok(rest::ok(&object.json(&store.base_url)))
}

/// The content type of a request.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.to_owned())
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
