//! Vertex AI: tuning, models, endpoints, metrics: a simulation that is marked as one.
//!
//! Nothing is trained. A job's state follows from its record and the time, its loss curves from its
//! plan and its data, and a tuned endpoint recalls the training file. Everything simulated is marked:
//! `x-emulated-by` on every answer, `-simulated` on every `modelVersion`, and a sentence in every
//! description.

mod call;
mod control;
mod create;
mod filter;
mod protojson;
mod render;
mod settings;
mod state;

mod endpoints;
mod generate;
mod metrics;
mod models;
mod prompt;
mod tuning;

mod answers;
mod catalogue;
mod dataset;
mod limits;
mod losses;
mod nearest;
mod number;
mod observe;
mod quota;
mod record;
mod row;
mod series;
mod stats;
mod structured;
mod tokens;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderValue;

use self::{
    call::{Answer, VertexCall},
    nearest::Index,
    settings::CONTROL_PATH,
    state::State,
};
use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::{Request, Response},
    ports::ReadObject,
    rest::Error,
};

/// Training files from which endpoints answer, each with the id of its job; the oldest first.
type Indexes = VecDeque<(String, Arc<Index>)>;

/// Vertex AI: tuning, models, endpoints, metrics: a simulation that is marked as one.
#[derive(Clone)]
pub(crate) struct Vertex {
    clock: Clock,
    read: ReadObject,
    state: Arc<Mutex<State>>,
    indexes: Arc<tokio::sync::Mutex<Indexes>>,
}

impl fmt::Debug for Vertex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vertex").finish_non_exhaustive()
    }
}

impl Vertex {
    /// Reads back what an earlier process left in `db`.
    pub(crate) fn open(db: Db, clock: Clock, read: ReadObject) -> Result<Self, db::Error> {
        Ok(Self {
            clock,
            read,
            state: Arc::new(Mutex::new(State::open(db)?)),
            indexes: Arc::default(),
        })
    }

    /// Answers a REST call, including the control calls at `/emulator/vertex`.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        let answer = if request.uri().path() == CONTROL_PATH {
            self.control(request).await
        } else {
            self.answer(request).await
        };
        let mut response = answer.map_or_else(Error::into_response, Answer::into_response);
        response
            .headers_mut()
            .insert("x-emulated-by", HeaderValue::from_static("lapidary"));
        response
    }

    async fn answer(&self, request: Request) -> Result<Answer, Error> {
        let unserved = Error::unimplemented;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let Some(call) = VertexCall::read(request).await? else {
            return Err(unserved(&method, &path));
        };
        let segments: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (
            call.method.as_str(),
            segments.as_slice(),
            call.verb.as_str(),
        ) {
            ("POST", ["tuningJobs"], "") => self.create_job(&call).await,
            ("GET", ["tuningJobs"], "") => self.list_jobs(&call),
            ("GET", ["tuningJobs", id], "") => self.get_job(&call, id),
            ("POST", ["tuningJobs", id], "cancel") => self.cancel_job(&call, id),
            ("GET", ["metadataStores", "default", "contexts"], "") => self.list_contexts(&call),
            ("GET", ["metadataStores", "default", "contexts", id], "") => {
                self.get_context(&call, id)
            }
            (_, ["tensorboards", ..], _) => self.tensorboard(&call),
            ("GET", ["models"], "") => self.list_models(&call),
            (_, ["models", id], _) => self.model(&call, id),
            ("GET", ["endpoints"], "") => self.list_endpoints(&call),
            (_, ["endpoints", id], "generateContent" | "streamGenerateContent" | "countTokens") => {
                self.ask_tuned(&call, id).await
            }
            ("GET", ["endpoints", id], "") => self.get_endpoint(&call, id),
            (_, ["publishers", "google", "models", model], _) => self.ask_base(&call, model).await,
            _ => Err(call.unimplemented()),
        }
    }

    /// All state. A call must not hold it while it waits.
    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic elsewhere the records are still complete: each is replaced at once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod wire_tests;
