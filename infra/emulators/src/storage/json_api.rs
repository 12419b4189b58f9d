//! The JSON API: dispatches a path and a method to a call.

mod buckets;

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    condition::Conditions,
    copy::CopySource,
    download,
    failure::Failure,
    generation::NewObject,
    listing::Listing,
    object::{Attributes, ObjectName},
    query::UrlQuery,
    resumable::Resumable,
    store::Store,
    upload,
};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// Answers one call.
pub(super) async fn answer(
    store: &Store,
    resumable: &Resumable,
    request: Request,
) -> Result<Response, Failure> {
    let method = request.method().clone();
    let segments = rest::segments(request.uri().path());
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["upload", "storage", "v1", "b", bucket, "o"]
        | ["resumable", "upload", "storage", "v1", "b", bucket, "o"] => {
            upload::answer(store, resumable, bucket, request).await
        }
        ["download", "storage", "v1", "b", bucket, "o", object] if method == Method::GET => {
            let (query, name) = (UrlQuery::of(&request), ObjectName::new(*bucket, *object));
            download::answer(store, &name, &query, request.headers()).await
        }
        // Google's Node client omits `/storage/v1` if `STORAGE_EMULATOR_HOST` is set.
        ["storage", "v1", resource @ ..] | resource @ ["b", ..] => {
            on_resource(store, resource, request).await
        }
        _ => Err(unserved(&request)),
    }
}

/// Answers a call on `resource`, the path's segments from `b` on.
async fn on_resource(
    store: &Store,
    resource: &[&str],
    request: Request,
) -> Result<Response, Failure> {
    let method = request.method().clone();
    match resource {
        ["b"] => buckets::all(store, request).await,
        ["b", bucket] => buckets::one(store, bucket, request).await,
        ["b", bucket, "storageLayout"] if method == Method::GET => buckets::layout(store, bucket),
        ["b", bucket, "managedFolders"] if method == Method::GET => {
            buckets::managed_folders(store, bucket)
        }
        ["b", bucket, "notificationConfigs"] => {
            buckets::notifications(store, bucket, request).await
        }
        ["b", bucket, "notificationConfigs", id] => {
            buckets::one_notification(store, bucket, id, &request)
        }
        ["b", bucket, "o"] if method == Method::GET => list(store, bucket, &UrlQuery::of(&request)),
        ["b", bucket, "o", object] => {
            one_object(store, &ObjectName::new(*bucket, *object), request).await
        }
        ["b", bucket, "o", object, "compose"] if method == Method::POST => {
            compose(store, ObjectName::new(*bucket, *object), request).await
        }
        [
            "b",
            bucket,
            "o",
            object,
            verb @ ("copyTo" | "rewriteTo"),
            "b",
            to_bucket,
            "o",
            to_object,
        ] if method == Method::POST => {
            let from = ObjectName::new(*bucket, *object);
            let to = ObjectName::new(*to_bucket, *to_object);
            copy(store, from, to, *verb == "rewriteTo", request).await
        }
        _ => Err(unserved(&request)),
    }
}

/// Answers `GET /{bucket}/{object}`; the object may contain unescaped slashes.
pub(super) async fn object_path(store: &Store, request: Request) -> Result<Response, Failure> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(unserved(&request));
    }
    let path = request.uri().path();
    let path = percent_encoding::percent_decode_str(path.strip_prefix('/').unwrap_or(path));
    let path = path.decode_utf8_lossy();
    let (bucket, object) = path.split_once('/').unwrap_or((&path, ""));
    let name = ObjectName::new(bucket, object);
    let query = UrlQuery::of(&request);
    download::answer(store, &name, &query, &request.into_parts().0.headers).await
}

fn unserved(request: &Request) -> Failure {
    Failure::Unserved(format!("{} {}", request.method(), request.uri().path()))
}

fn no_content() -> Response {
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn list(store: &Store, bucket: &str, query: &UrlQuery) -> Result<Response, Failure> {
    if query.flag("softDeleted") || query.get("matchGlob").or(query.get("filter")).is_some() {
        let what = "objects.list with softDeleted, matchGlob or filter";
        return Err(Failure::Unserved(what.to_owned()));
    }
    let listing = Listing {
        prefix: query.text("prefix"),
        delimiter: query.text("delimiter"),
        include_trailing_delimiter: query.flag("includeTrailingDelimiter"),
        start: query.text("startOffset"),
        end: query.text("endOffset"),
        versions: query.flag("versions"),
        max: query.number("maxResults")?.unwrap_or_default(),
        token: query.text("pageToken"),
    };
    let page = store.list(bucket, &listing)?;
    let mut body = json!({ "kind": "storage#objects" });
    if let Some(keys) = body.as_object_mut() {
        if !page.objects.is_empty() {
            let items = page
                .objects
                .iter()
                .map(|object| object.json(&store.base_url));
            keys.insert("items".to_owned(), items.collect());
        }
        if !page.prefixes.is_empty() {
            keys.insert("prefixes".to_owned(), page.prefixes.into());
        }
        if !page.next.is_empty() {
            keys.insert("nextPageToken".to_owned(), page.next.into());
        }
    }
    Ok(rest::ok(&body))
}

async fn one_object(
    store: &Store,
    name: &ObjectName,
    request: Request,
) -> Result<Response, Failure> {
    let query = UrlQuery::of(&request);
    let conditions = Conditions::of(&query)?;
    let generation = query.number("generation")?;
    let object = match *request.method() {
        Method::GET if query.get("alt") == Some("media") => {
            return download::answer(store, name, &query, request.headers()).await;
        }
        Method::GET => store.find(name, generation, conditions)?.object,
        Method::DELETE => {
            store.delete(name, generation, conditions)?;
            return Ok(no_content());
        }
        Method::PATCH => {
            let resource: Value = rest::json(request).await?;
            store.update(name, generation, conditions, |old| old.patched(&resource))?
        }
        Method::PUT => {
            let resource: Value = rest::json(request).await?;
            store.update(name, generation, conditions, |old| {
                let storage_class = old.storage_class.clone();
                let new = Attributes::default().patched(&resource)?;
                Ok(Attributes {
                    storage_class,
                    ..new
                })
            })?
        }
        _ => return Err(unserved(&request)),
    };
    Ok(rest::ok(&object.json(&store.base_url)))
}

async fn compose(store: &Store, name: ObjectName, request: Request) -> Result<Response, Failure> {
    let conditions = Conditions::of(&UrlQuery::of(&request))?;
    let body: Value = rest::json(request).await?;
    let sources = body.get("sourceObjects").and_then(Value::as_array);
    let sources: Result<Vec<CopySource>, Failure> = sources
        .into_iter()
        .flatten()
        .map(|source| {
            let object = source.get("name").and_then(Value::as_str);
            let preconditions = source.get("objectPreconditions");
            Ok(CopySource {
                name: ObjectName::new(&name.bucket, object.ok_or(Failure::Required("name"))?),
                generation: number(source.get("generation"))?,
                conditions: Conditions {
                    generation: number(
                        preconditions
                            .and_then(|preconditions| preconditions.get("ifGenerationMatch")),
                    )?,
                    ..Conditions::default()
                },
            })
        })
        .collect();
    if body.get("deleteSourceObjects") == Some(&Value::Bool(true)) {
        return Err(Failure::Unserved(
            "objects.compose with deleteSourceObjects".to_owned(),
        ));
    }
    let nothing = json!({});
    let target = NewObject {
        name,
        attributes: Attributes::default().patched(body.get("destination").unwrap_or(&nothing))?,
        conditions,
        component_count: None,
    };
    let object = store.compose(&sources?, target).await?;
    Ok(rest::ok(&object.json(&store.base_url)))
}

/// `copyTo` answers with the object; `rewriteTo` with a report, which is always complete here.
async fn copy(
    store: &Store,
    from: ObjectName,
    to: ObjectName,
    report: bool,
    request: Request,
) -> Result<Response, Failure> {
    let query = UrlQuery::of(&request);
    if query.get("rewriteToken").is_some() {
        return Err(Failure::Invalid("Invalid rewrite token.".to_owned()));
    }
    let source = CopySource {
        name: from,
        generation: query.number("sourceGeneration")?,
        conditions: Conditions::of_source(&query)?,
    };
    let conditions = Conditions::of(&query)?;
    let resource: Value = rest::json(request).await?;
    let attributes = Attributes::default().patched(&resource)?;
    let object = store.copy(&source, to, conditions, attributes).await?;
    let resource = object.json(&store.base_url);
    if !report {
        return Ok(rest::ok(&resource));
    }
    let size = object.size_bytes.to_string();
    Ok(rest::ok(&json!({
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": size,
        "objectSize": size,
        "done": true,
        "resource": resource,
    })))
}

/// An int64, as a string or as a number in JSON.
fn number(value: Option<&Value>) -> Result<Option<i64>, Failure> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let read = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    read.map(Some)
        .ok_or_else(|| Failure::Invalid(format!("Invalid number: {value}")))
}
