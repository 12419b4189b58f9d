//! Uploads in one request: `uploadType=media` and `uploadType=multipart`.

use futures::StreamExt as _;
use http::{HeaderMap, Method, header};
use serde_json::json;

use super::{
    failure::Failure,
    multipart::Multipart,
    query::UrlQuery,
    resumable::Resumable,
    store::Store,
    upload_plan::{UploadPlan, or_drain},
};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// Answers a call on `/upload/storage/v1/b/{bucket}/o`.
pub(super) async fn answer(
    store: &Store,
    resumable: &Resumable,
    bucket: &str,
    request: Request,
) -> Result<Response, Failure> {
    let query = UrlQuery::of(&request);
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
    query: &UrlQuery,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let plan = UploadPlan::new(bucket, query, &json!({})).and_then(|mut plan| {
        plan.content_type_or(content_type(&parts.headers));
        plan.expected.add_headers(&parts.headers)?;
        store.validate(&plan.target)?;
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
    query: &UrlQuery,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let mut multipart = Multipart::new(&parts.headers, body.into_data_stream())?;
    let missing = || Failure::Invalid("Malformed multipart body: a part is missing.".to_owned());
    multipart.next_part().await?.ok_or_else(missing)?;
    let resource = multipart.json().await?;
    let kind = multipart.next_part().await?.ok_or_else(missing)?;
    let plan = UploadPlan::new(bucket, query, &resource).and_then(|mut plan| {
        plan.content_type_or(kind);
        plan.expected.add_headers(&parts.headers)?;
        store.validate(&plan.target)?;
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
