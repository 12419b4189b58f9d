//! Uploads in several requests: `uploadType=resumable`, with a `Content-Range` each.
//!
//! Sessions exist in this process only. After a restart their ids answer 404, whereupon a client
//! starts again from its first byte.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::{
    blob::Writer,
    chunk::Chunk,
    failure::Failure,
    object::{ObjectMetadata, UNRESERVED},
    query::UrlQuery,
    store::Store,
    upload_plan::{UploadPlan, or_drain},
};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// Sessions kept, finished ones included: the oldest are dropped first, in production after a week.
const SESSIONS_MAX: usize = 1000;

/// All sessions.
#[derive(Clone)]
pub(super) struct Resumable {
    store: Arc<Store>,
    sessions: Arc<Mutex<UploadSessions>>,
}

#[derive(Default)]
struct UploadSessions {
    by_id: HashMap<String, Arc<tokio::sync::Mutex<UploadSession>>>,
    oldest_first: VecDeque<String>,
}

struct UploadSession {
    plan: UploadPlan,
    progress: Progress,
}

enum Progress {
    Receiving(Box<Writer>),
    Done(Box<ObjectMetadata>),
    /// It failed, and no further request can repair it.
    Over,
}

impl Resumable {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            sessions: Arc::default(),
        }
    }

    /// Opens a session and returns its URL, which begins with our own base URL: some clients send
    /// a `Host` without the port.
    pub(super) async fn start(
        &self,
        bucket: &str,
        query: &UrlQuery,
        request: Request,
    ) -> Result<Response, Failure> {
        let hint = request.headers().get("x-upload-content-type");
        let hint = hint.and_then(|hint| hint.to_str().ok()).map(str::to_owned);
        let resource: Value = rest::json(request).await?;
        let mut plan = UploadPlan::new(bucket, query, &resource)?;
        plan.content_type_or(hint);
        self.store.validate(&plan.target)?;
        let id = format!("{:032x}", rand::random::<u128>());
        let location = format!(
            "{}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name={}&upload_id={id}",
            self.store.base_url,
            utf8_percent_encode(&plan.target.name.object, UNRESERVED),
        );
        let writer = self.store.blobs.writer().await?;
        self.remember(&id, plan, writer);
        let mut response = http::Response::new(Body::empty());
        let location = HeaderValue::from_str(&location)
            .map_err(|error| Failure::Invalid(format!("Invalid bucket name: {error}")))?;
        response.headers_mut().insert(header::LOCATION, location);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-guploader-uploadid", id);
        }
        Ok(response)
    }

    /// Cancels a session; the API's answer to that is an error.
    pub(super) fn cancel(&self, id: &str) -> Failure {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match sessions.by_id.remove(id) {
            Some(_) => Failure::UploadCancelled,
            None => Failure::NoUpload,
        }
    }

    /// Receives bytes, or returns how many were received.
    ///
    /// Runs in its own task to the end: a caller that disconnects in between must not leave bytes
    /// written that are not counted.
    pub(super) async fn receive(&self, id: String, request: Request) -> Result<Response, Failure> {
        let (parts, body) = request.into_parts();
        let mut body = body.into_data_stream();
        let session = or_drain(self.session(&id), &mut body).await?;
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let mut session = session.lock().await;
            let answer = session.receive(&store, &parts.headers, &mut body).await;
            or_drain(answer, &mut body).await
        })
        .await?
    }

    fn session(&self, id: &str) -> Result<Arc<tokio::sync::Mutex<UploadSession>>, Failure> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.get(id).cloned().ok_or(Failure::NoUpload)
    }

    fn remember(&self, id: &str, plan: UploadPlan, writer: Writer) {
        let session = UploadSession {
            plan,
            progress: Progress::Receiving(Box::new(writer)),
        };
        let session = Arc::new(tokio::sync::Mutex::new(session));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.insert(id.to_owned(), session);
        sessions.oldest_first.push_back(id.to_owned());
        while sessions.oldest_first.len() > SESSIONS_MAX {
            if let Some(oldest) = sessions.oldest_first.pop_front() {
                sessions.by_id.remove(&oldest);
            }
        }
    }
}

impl UploadSession {
    async fn receive(
        &mut self,
        store: &Store,
        headers: &HeaderMap,
        body: &mut BodyDataStream,
    ) -> Result<Response, Failure> {
        let chunk = Chunk::of(headers)?;
        let writer = match &mut self.progress {
            Progress::Receiving(writer) => writer,
            Progress::Done(object) => {
                // A caller that missed the last answer asks or sends again.
                while let Some(Ok(_)) = body.next().await {}
                return Ok(rest::ok(&object.json(&store.base_url)));
            }
            Progress::Over => return Err(Failure::UploadOver),
        };
        chunk.validate(writer.size_bytes())?;
        if let Some(start) = chunk.start {
            let mut known = writer.size_bytes() - start;
            while let Some(piece) = body.next().await {
                let piece = piece.map_err(Failure::Body)?;
                let skip = usize::try_from(known)
                    .unwrap_or(usize::MAX)
                    .min(piece.len());
                known -= skip as u64;
                writer.write(piece.get(skip..).unwrap_or_default()).await?;
            }
        }
        let size_bytes = writer.size_bytes();
        if !chunk.completes(size_bytes) {
            return Ok(incomplete(size_bytes));
        }
        if let Progress::Receiving(writer) = std::mem::replace(&mut self.progress, Progress::Over) {
            let mut plan = self.plan.clone();
            plan.expected.add_headers(headers)?;
            let object = plan.complete(store, *writer).await?;
            let answer = rest::ok(&object.json(&store.base_url));
            self.progress = Progress::Done(Box::new(object));
            return Ok(answer);
        }
        Err(Failure::UploadOver)
    }
}

/// 308, "Resume Incomplete"; no `Range` means that nothing was received yet.
fn incomplete(size_bytes: u64) -> Response {
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Some(last) = size_bytes.checked_sub(1)
        && let Ok(value) = HeaderValue::from_str(&format!("bytes=0-{last}"))
    {
        response.headers_mut().insert(header::RANGE, value);
    }
    response
}
