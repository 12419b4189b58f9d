//! Firestore in native mode, over gRPC.
//!
//! Below the calls is a pure store ([`store`], [`query`], [`mod@write`], [`transaction`], [`target`])
//! without clock and disk. It differs from the service on purpose: transactions are optimistic (see
//! [`transaction`]), queries need no indexes, and security rules are not applied, so every caller
//! has full access. Every project and database exists as soon as a call names it.

mod error;
mod name;
mod path;
mod stamp;
mod value;

mod limits;
mod transform;
mod write;

mod store;

mod aggregate;
mod filter;
mod list;
mod query;

mod transaction;

mod state;

mod reads;
mod writes;

mod listen;
mod target;

use std::sync::{Arc, Mutex};

use self::{error::Error, state::State};
use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::{self, ProstMessage, Request, Response},
};

/// Firestore in native mode, over gRPC.
#[derive(Debug, Clone)]
pub(crate) struct Firestore(Arc<Mutex<State>>);

impl Firestore {
    /// Reads back what an earlier process left in `db`.
    pub(crate) fn open(db: Db, clock: Clock) -> Result<Self, db::Error> {
        Ok(Self(Arc::new(Mutex::new(State::open(db, clock)?))))
    }

    /// Answers a gRPC call of `method`.
    pub(crate) async fn grpc(&self, method: &str, request: Request) -> Response {
        match method {
            "GetDocument" => self.one(request, State::get_document).await,
            "BatchGetDocuments" => self.many(request, State::batch_get).await,
            "RunQuery" => self.many(request, State::run_query).await,
            "RunAggregationQuery" => self.many(request, State::run_aggregation_query).await,
            "ListDocuments" => self.one(request, State::list_documents).await,
            "ListCollectionIds" => self.one(request, State::list_collection_ids).await,
            "CreateDocument" => self.one(request, State::create_document).await,
            "UpdateDocument" => self.one(request, State::update_document).await,
            "DeleteDocument" => self.one(request, State::delete_document).await,
            "Commit" => self.one(request, State::commit).await,
            "BatchWrite" => self.one(request, State::batch_write).await,
            "BeginTransaction" => self.one(request, State::begin_transaction).await,
            "Rollback" => self.one(request, State::rollback).await,
            "Listen" => {
                let state = Arc::clone(&self.0);
                grpc::bidi(request, move |requests| async move {
                    Ok(listen::listen(state, requests))
                })
                .await
            }
            // Write, PartitionQuery and ExecutePipeline are not served.
            _ => grpc::unimplemented(&format!("google.firestore.v1.Firestore/{method}")),
        }
    }

    /// Answers a call with one message.
    async fn one<Q, R>(
        &self,
        request: Request,
        answer: fn(&mut State, Q) -> Result<R, Error>,
    ) -> Response
    where
        Q: ProstMessage,
        R: ProstMessage,
    {
        let state = Arc::clone(&self.0);
        grpc::unary(request, move |request| async move {
            Ok(answer(&mut listen::lock(&state), request)?)
        })
        .await
    }

    /// Answers a call with a stream of messages.
    async fn many<Q, R>(
        &self,
        request: Request,
        answer: fn(&mut State, Q) -> Result<Vec<R>, Error>,
    ) -> Response
    where
        Q: ProstMessage,
        R: ProstMessage,
    {
        let state = Arc::clone(&self.0);
        grpc::server_stream(request, move |request| async move {
            let responses = answer(&mut listen::lock(&state), request)?;
            Ok(futures::stream::iter(responses.into_iter().map(Ok)))
        })
        .await
    }
}
