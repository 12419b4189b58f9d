//! Cloud Storage: JSON API and gRPC v2.

use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::{self, Request, Response},
    rest,
};

/// Cloud Storage: JSON API and gRPC v2.
#[derive(Debug, Clone)]
pub(crate) struct Storage;

impl Storage {
    /// Reads back what an earlier process left in `db`.
    pub(crate) fn open(
        _db: Db,
        _clock: Clock,
        _objects: Option<&std::path::Path>,
        _base_url: &str,
        _publish: crate::Publish,
    ) -> Result<Self, db::Error> {
        Ok(Self)
    }

    /// Answers a gRPC call of `method`.
    pub(crate) async fn grpc(&self, method: &str, _request: Request) -> Response {
        grpc::unimplemented(method)
    }

    /// Answers a REST call.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        rest::Error::unimplemented(request.method(), request.uri().path()).into_response()
    }
}

impl Storage {
    pub(crate) fn read_inside(&self, _bucket: &str, _object: &str) -> Option<bytes::Bytes> {
        None
    }
}
