//! Vertex AI: tuning, models, endpoints, metrics: a simulation that says so.

use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::{self, Request, Response},
    rest,
};

/// Vertex AI: tuning, models, endpoints, metrics: a simulation that says so.
#[derive(Debug, Clone)]
pub(crate) struct Vertex;

impl Vertex {
    /// Reads back what an earlier process left in `db`.
    pub(crate) fn open(
        _db: Db,
        _clock: Clock,
        _read: crate::ReadObject,
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
