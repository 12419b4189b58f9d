//! Cloud Storage: the JSON API, `google.storage.v2` over gRPC, and notifications to Pub/Sub.
//!
//! Like production: preconditions, generations, versions, checksums, resumable uploads, and one
//! message per change. Not served: access control, soft delete, retention and holds, customer keys,
//! signed URLs, the XML API but for reads, decompressive transcoding, and uploads over gRPC.

mod json_api;
mod rpc;

mod checksum;
mod chunk;
mod content_type;
mod download;
mod multipart;
mod read;
mod resumable;
mod upload;
mod upload_plan;

mod copy;
mod generation;
mod listing;
mod notifications;
mod row;
mod store;

mod blob;
mod bucket;
mod notification;
mod object;

mod condition;
mod failure;
mod proto;
mod query;

#[cfg(test)]
mod tests;

use std::{fmt, path::Path, sync::Arc};

use bytes::Bytes;

use self::{
    condition::Conditions, failure::Failure, object::ObjectName, resumable::Resumable, store::Store,
};
use crate::{
    clock::Clock,
    db::Db,
    grpc::{Request, Response},
    ports::Publish,
};

/// Why the stored buckets and objects cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the stored buckets and objects cannot be read back")]
pub(crate) struct Error(#[source] Failure);

/// The service; clones share it.
#[derive(Clone)]
pub(crate) struct Storage {
    store: Arc<Store>,
    resumable: Resumable,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Storage {
    /// Reads back what an earlier process left in `db` and, for the bytes of objects, in the
    /// directory `objects`; without a directory they are kept in memory.
    ///
    /// URLs of resources and upload sessions begin with `base_url`.
    pub(crate) fn open(
        db: Db,
        clock: Clock,
        objects: Option<&Path>,
        base_url: &str,
        publish: Publish,
    ) -> Result<Self, Error> {
        let store = Store::open(db, clock, objects, base_url, publish).map_err(Error)?;
        let store = Arc::new(store);
        Ok(Self {
            resumable: Resumable::new(Arc::clone(&store)),
            store,
        })
    }

    /// Answers a gRPC call of `method`.
    pub(crate) async fn grpc(&self, method: &str, request: Request) -> Response {
        rpc::answer(&self.store, method, request).await
    }

    /// Answers a call of the JSON API.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        let answer = json_api::answer(&self.store, &self.resumable, request).await;
        answer.unwrap_or_else(Failure::into_response)
    }

    /// Whether there is a bucket `name`, so that `/{name}/…` is the path of an object.
    pub(crate) fn has_bucket(&self, name: &str) -> bool {
        self.store.bucket(name, Conditions::default()).is_ok()
    }

    /// Answers `GET /{bucket}/{object}`: the URL of a public object, which `object_store` reads too.
    /// Nothing else of the XML API is served.
    pub(crate) async fn read_path(&self, request: Request) -> Response {
        let answer = json_api::object_path(&self.store, request).await;
        answer.unwrap_or_else(Failure::into_response)
    }

    /// The bytes of a live object, for the other emulators.
    pub(crate) fn read_inside(&self, bucket: &str, object: &str) -> Option<Bytes> {
        let name = ObjectName::new(bucket, object);
        let found = self.store.find(&name, None, Conditions::default()).ok()?;
        found.content.bytes().ok()
    }
}
