//! The metadata of objects, by Cloud Storage's JSON API.
//!
//! <https://cloud.google.com/storage/docs/json_api/v1/objects>

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;

use super::{ListedObject, Stat};
use crate::{
    google::rest::{self, Rest},
    outcome::{CallError, Idempotency},
    uri::{Artifact, GcsUri},
};

/// What a path segment may hold as it is; an object's name is one segment, slashes and all.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Objects of one listing that are read.
const LIST_MAX: usize = 10_000;
/// Objects of one page: the most that the service gives.
const PAGE_MAX: &str = "1000";
/// The key of an object's own metadata that names the person who uploaded it.
pub(super) const UPLOADER: &str = "uploader";

/// The calls, all of them idempotent.
#[derive(Debug, Clone)]
pub(super) struct Metadata(Rest);

/// The fields of an object that are read. 64-bit numbers are strings in Google's JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectResource {
    name: String,
    generation: String,
    #[serde(default)]
    time_created: DateTime<Utc>,
    #[serde(default)]
    size: String,
    #[serde(default)]
    crc32c: String,
    #[serde(default)]
    md5_hash: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    owner: Option<ObjectOwner>,
}

/// Who owns an object; absent under uniform bucket-level access.
#[derive(Debug, Deserialize)]
struct ObjectOwner {
    #[serde(default)]
    entity: String,
}

/// One page of a listing; the service leaves out an empty list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectPage {
    #[serde(default)]
    items: Vec<ObjectResource>,
    #[serde(default)]
    next_page_token: String,
}

impl Metadata {
    pub(super) fn new(rest: Rest) -> Self {
        Self(rest)
    }

    /// Reads the live generation, or the given one.
    pub(super) async fn get(
        &self,
        uri: &GcsUri,
        generation: Option<i64>,
    ) -> Result<Stat, CallError> {
        let generation = generation.map(|generation| generation.to_string());
        let query: Vec<(&str, &str)> = generation
            .iter()
            .map(|generation| ("generation", generation.as_str()))
            .collect();
        let found = self.0.call(Method::GET, &path(uri), &query, None).await?;
        rest::parse::<ObjectResource>(found, Idempotency::Idempotent)?.stat(&uri.bucket)
    }

    /// Reads the live objects whose names begin with `prefix`, page by page.
    pub(super) async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Stat>, CallError> {
        let mut token = String::new();
        let mut found = Vec::new();
        loop {
            let page = self.read_page(bucket, prefix, &token).await?;
            for object in page.items {
                found.push(object.stat(bucket)?);
                if found.len() == LIST_MAX {
                    return Ok(found);
                }
            }
            if page.next_page_token.is_empty() {
                return Ok(found);
            }
            token = page.next_page_token;
        }
    }

    /// Reads the page of the live objects that begins at `token`, and where the next one begins.
    pub(super) async fn page(
        &self,
        bucket: &str,
        token: &str,
    ) -> Result<(Vec<ListedObject>, String), CallError> {
        let page = self.read_page(bucket, "", token).await?;
        let listed = page.items.into_iter().map(|object| {
            let created_at = object.time_created;
            let artifact = object.stat(bucket)?.artifact;
            Ok(ListedObject {
                artifact,
                created_at,
            })
        });
        Ok((
            listed.collect::<Result<_, CallError>>()?,
            page.next_page_token,
        ))
    }

    async fn read_page(
        &self,
        bucket: &str,
        prefix: &str,
        token: &str,
    ) -> Result<ObjectPage, CallError> {
        let path = format!("storage/v1/b/{}/o", segment(bucket));
        let query = [
            ("prefix", prefix),
            ("maxResults", PAGE_MAX),
            ("pageToken", token),
        ];
        let page = self.0.call(Method::GET, &path, &query, None).await?;
        rest::parse(page, Idempotency::Idempotent)
    }

    /// Deletes one generation.
    pub(super) async fn delete(&self, artifact: &Artifact) -> Result<(), CallError> {
        let generation = artifact.generation.to_string();
        let query = [("generation", generation.as_str())];
        let path = path(&artifact.uri);
        let deleted = self.0.call(Method::DELETE, &path, &query, None).await;
        deleted.map(drop)
    }
}

impl ObjectResource {
    fn stat(self, bucket: &str) -> Result<Stat, CallError> {
        let unreadable = |what: &str, text: &str| {
            let error = format!("{what} `{text}` of `gs://{bucket}/{}`", self.name);
            CallError::not_answered(error, Idempotency::Idempotent)
        };
        let number = |what, text: &str| text.parse().map_err(|_error| unreadable(what, text));
        let generation = number("generation", &self.generation)?;
        let size: i64 = number("size", &self.size)?;
        // Base64 of the four bytes, the highest first.
        let crc32c = BASE64_STANDARD.decode(&self.crc32c).ok();
        let crc32c = crc32c.and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
        let md5 = BASE64_STANDARD.decode(&self.md5_hash).unwrap_or_default();
        Ok(Stat {
            artifact: Artifact {
                uri: GcsUri::new(bucket, self.name),
                generation,
            },
            size_bytes: u64::try_from(size).unwrap_or_default(),
            crc32c,
            md5: data_encoding::HEXLOWER.encode(&md5),
            uploader: uploader(
                self.metadata.get(UPLOADER).map(String::as_str),
                self.owner.as_ref().map(|owner| owner.entity.as_str()),
            ),
        })
    }
}

/// The address of the person who uploaded an object, from its metadata or its owner, `user-ADDRESS`.
pub(super) fn uploader(metadata: Option<&str>, owner: Option<&str>) -> Option<String> {
    let owner = owner.and_then(|entity| entity.strip_prefix("user-"));
    let found = metadata.or(owner).map(str::trim);
    found.filter(|it| !it.is_empty()).map(str::to_owned)
}

fn path(uri: &GcsUri) -> String {
    let (bucket, object) = (segment(&uri.bucket), segment(&uri.object));
    format!("storage/v1/b/{bucket}/o/{object}")
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_objects_name_is_one_segment_of_the_path() {
        let uri = GcsUri::new("rows", "a b/é?#%.jsonl");
        assert_eq!(
            path(&uri),
            "storage/v1/b/rows/o/a%20b%2F%C3%A9%3F%23%25.jsonl"
        );
    }

    #[test]
    fn the_metadata_of_an_object_is_read_from_strings() {
        let object = json!({
            "kind": "storage#object", "name": "a/b.jsonl", "generation": "1700000000000001",
            "size": "12", "crc32c": "yZRlqg==", "md5Hash": "XrY7u+Ae7tCTyyK7j1rNww==",
        });
        let object: ObjectResource = serde_json::from_value(object).unwrap();
        let stat = object.stat("rows").unwrap();
        assert_eq!(
            stat.artifact.to_string(),
            "gs://rows/a/b.jsonl#1700000000000001"
        );
        assert_eq!(stat.size_bytes, 12);
        assert_eq!(stat.crc32c, Some(0xc994_65aa));
        assert_eq!(stat.md5, "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(stat.uploader, None);
        let owned = json!({
            "name": "a", "generation": "1", "size": "1", "owner": {"entity": "user-a@example.com"},
        });
        let owned: ObjectResource = serde_json::from_value(owned).unwrap();
        assert_eq!(
            owned.stat("rows").unwrap().uploader.as_deref(),
            Some("a@example.com")
        );
        assert_eq!(
            uploader(Some(" b@example.com "), Some("user-a@example.com")).as_deref(),
            Some("b@example.com")
        );
        let broken = json!({ "name": "a", "generation": "soon", "size": "1" });
        let broken: ObjectResource = serde_json::from_value(broken).unwrap();
        assert!(broken.stat("rows").is_err());
    }
}
