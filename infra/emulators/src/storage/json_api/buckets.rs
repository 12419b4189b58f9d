//! Calls on buckets and on their notification configurations.

use http::Method;
use serde_json::{Value, json};

use super::{no_content, unserved};
use crate::{
    grpc::{Request, Response},
    rest,
    storage::{
        bucket::Bucket, condition::Conditions, failure::Failure, notification::NotificationConfig,
        query::UrlQuery, store::Store,
    },
};

/// Buckets of one page, as in production.
const BUCKETS_PAGE_MAX: usize = 1000;

/// Answers a call on all buckets of a project.
pub(super) async fn all(store: &Store, request: Request) -> Result<Response, Failure> {
    let query = UrlQuery::of(&request);
    let project = query.get("project").ok_or(Failure::Required("project"))?;
    match *request.method() {
        Method::GET => {
            let found = store.buckets(project, &query.text("prefix"), &query.text("pageToken"));
            let max = query.number("maxResults")?.unwrap_or(BUCKETS_PAGE_MAX);
            let page = found
                .get(..max.clamp(1, BUCKETS_PAGE_MAX))
                .unwrap_or(&found);
            let items: Vec<Value> = page.iter().map(|b| b.json(&store.base_url)).collect();
            let mut body = json!({ "kind": "storage#buckets", "items": items });
            if let (Some(last), Some(keys)) = (page.last(), body.as_object_mut())
                && page.len() < found.len()
            {
                keys.insert("nextPageToken".to_owned(), last.name.as_str().into());
            }
            Ok(rest::ok(&body))
        }
        Method::POST => {
            let project = project.to_owned();
            let resource: Value = rest::json(request).await?;
            let name = resource
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let bucket = Bucket::new(&project, name, &resource, store.clock.now())?;
            Ok(rest::ok(
                &store.insert_bucket(bucket)?.json(&store.base_url),
            ))
        }
        _ => Err(unserved(&request)),
    }
}

/// Answers a call on one bucket.
pub(super) async fn one(store: &Store, name: &str, request: Request) -> Result<Response, Failure> {
    let conditions = Conditions::of(&UrlQuery::of(&request))?;
    let bucket = match *request.method() {
        Method::GET => store.bucket(name, conditions)?,
        Method::DELETE => {
            store.delete_bucket(name, conditions)?;
            return Ok(no_content());
        }
        Method::PATCH => {
            let resource: Value = rest::json(request).await?;
            store.update_bucket(name, conditions, |bucket| {
                bucket.patch(&resource);
                Ok(())
            })?
        }
        Method::PUT => {
            let resource: Value = rest::json(request).await?;
            store.update_bucket(name, conditions, |bucket| {
                bucket.replace(&resource);
                Ok(())
            })?
        }
        _ => return Err(unserved(&request)),
    };
    Ok(rest::ok(&bucket.json(&store.base_url)))
}

/// Answers `storageLayout`, which gcloud calls before it works on folders.
pub(super) fn layout(store: &Store, name: &str) -> Result<Response, Failure> {
    let bucket = store.bucket(name, Conditions::default())?;
    Ok(rest::ok(&json!({
        "kind": "storage#storageLayout",
        "bucket": name,
        "location": bucket.text("location"),
        "locationType": bucket.location_type(),
        "hierarchicalNamespace": { "enabled": false },
    })))
}

/// Answers `managedFolders`, which gcloud lists before it deletes or moves a folder. The list is
/// empty, as managed folders cannot be created here.
pub(super) fn managed_folders(store: &Store, name: &str) -> Result<Response, Failure> {
    store.bucket(name, Conditions::default())?;
    Ok(rest::ok(
        &json!({ "kind": "storage#managedFolders", "items": [] }),
    ))
}

/// Answers a call on all notification configurations of a bucket.
pub(super) async fn notifications(
    store: &Store,
    bucket: &str,
    request: Request,
) -> Result<Response, Failure> {
    match *request.method() {
        Method::GET => {
            let found = store.notifications(bucket)?;
            let items = found
                .iter()
                .map(|found| found.json(&store.base_url, bucket));
            let items: Vec<Value> = items.collect();
            Ok(rest::ok(
                &json!({ "kind": "storage#notifications", "items": items }),
            ))
        }
        Method::POST => {
            let resource: Value = rest::json(request).await?;
            let made =
                store.insert_notification(bucket, NotificationConfig::validate(&resource)?)?;
            Ok(rest::ok(&made.json(&store.base_url, bucket)))
        }
        _ => Err(unserved(&request)),
    }
}

/// Answers a call on one notification configuration.
pub(super) fn one_notification(
    store: &Store,
    bucket: &str,
    id: &str,
    request: &Request,
) -> Result<Response, Failure> {
    match *request.method() {
        Method::GET => {
            let found = store.notification(bucket, id)?;
            Ok(rest::ok(&found.json(&store.base_url, bucket)))
        }
        Method::DELETE => {
            store.delete_notification(bucket, id)?;
            Ok(no_content())
        }
        _ => Err(unserved(request)),
    }
}
