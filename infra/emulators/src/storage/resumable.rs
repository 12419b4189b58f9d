//! Uploads in several requests: `uploadType=resumable`, told apart by `Content-Range`.
//!
//! Sessions live in this process only. After a restart their ids answer 404,
//! upon which a client starts again from its first byte.

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
    failure::Failure,
    object::{Object, UNRESERVED},
    query::Query,
    store::Store,
    upload::{Plan, or_drain},
};
use crate::{
    grpc::{Request, Response},
    rest,
};

/// Sessions kept, finished ones included: the oldest goes first, as production's go after a week.
const SESSIONS_MAX: usize = 1000;
/// The least that a request may carry which is not the last, in bytes.
const CHUNK_MIN_BYTES: u64 = 256 << 10;

/// All sessions.
#[derive(Clone)]
pub(super) struct Resumable {
    store: Arc<Store>,
    sessions: Arc<Mutex<Sessions>>,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<String, Arc<tokio::sync::Mutex<Session>>>,
    oldest_first: VecDeque<String>,
}

struct Session {
    plan: Plan,
    progress: Progress,
}

enum Progress {
    Receiving(Box<Writer>),
    Done(Box<Object>),
    /// It failed where no further request can mend it.
    Over,
}

impl Resumable {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            sessions: Arc::default(),
        }
    }

    /// Opens a session and tells its address, under our own base URL: some clients
    /// send a `Host` without the port.
    pub(super) async fn start(
        &self,
        bucket: &str,
        query: &Query,
        request: Request,
    ) -> Result<Response, Failure> {
        let hint = request.headers().get("x-upload-content-type");
        let hint = hint.and_then(|hint| hint.to_str().ok()).map(str::to_owned);
        let resource: Value = rest::json(request).await?;
        let mut plan = Plan::new(bucket, query, &resource)?;
        plan.content_type_or(hint);
        self.store.admit(&plan.target)?;
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

    /// Ends a session; the answer is a failure by the API's design.
    pub(super) fn cancel(&self, id: &str) -> Failure {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match sessions.by_id.remove(id) {
            Some(_) => Failure::UploadCancelled,
            None => Failure::NoUpload,
        }
    }

    /// Takes bytes, or tells how many there are.
    ///
    /// A task of its own carries it to its end: a caller that goes away in the middle
    /// must not leave bytes written that are not counted.
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

    fn session(&self, id: &str) -> Result<Arc<tokio::sync::Mutex<Session>>, Failure> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.get(id).cloned().ok_or(Failure::NoUpload)
    }

    fn remember(&self, id: &str, plan: Plan, writer: Writer) {
        let session = Session {
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

impl Session {
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
                // A caller that missed the last answer asks again, or sends again.
                while let Some(Ok(_)) = body.next().await {}
                return Ok(rest::ok(&object.json(&store.base_url)));
            }
            Progress::Over => return Err(Failure::UploadOver),
        };
        chunk.admit(writer.size_bytes())?;
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

/// 308, "Resume Incomplete"; without `Range` nothing has been kept yet.
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

/// A `Content-Range` of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunk {
    /// Where the body's bytes belong; `None` asks for the status only.
    start: Option<u64>,
    /// The last byte of the body; `None` is as far as it goes.
    last: Option<u64>,
    /// The size of the whole, once it is known.
    total: Option<u64>,
}

impl Chunk {
    /// Reads `bytes a-b/T`, where `b`, `T` or both may be `*`, and `bytes */T` or `bytes */*`.
    fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(value) = headers.get(header::CONTENT_RANGE) else {
            // The whole object in one request.
            return Ok(Self {
                start: Some(0),
                last: None,
                total: None,
            });
        };
        let text = value.to_str().unwrap_or_default();
        Self::parse(text).ok_or_else(|| {
            Failure::Invalid(format!("Failed to parse Content-Range header: {text}"))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(None),
            digits => digits.parse::<u64>().ok().map(Some),
        };
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let total = number(total)?;
        if range == "*" {
            return Some(Self {
                start: None,
                last: None,
                total,
            });
        }
        let (start, last) = range.split_once('-')?;
        let (start, last) = (start.parse().ok()?, number(last)?);
        let orderly = last.is_none_or(|last| last >= start)
            && !matches!((last, total), (Some(last), Some(total)) if last >= total);
        orderly.then_some(Self {
            start: Some(start),
            last,
            total,
        })
    }

    /// Refuses a gap, and a small piece in the middle; the texts are production's.
    fn admit(self, size_bytes: u64) -> Result<(), Failure> {
        let Some(start) = self.start else {
            return Ok(());
        };
        if start > size_bytes {
            return Err(Failure::Invalid(format!(
                "Invalid request.  According to the Content-Range header, the upload offset is \
                 {start} byte(s), which exceeds already uploaded size of {size_bytes} byte(s)."
            )));
        }
        if let Some(last) = self.last
            && self.total != Some(last + 1)
            && last + 1 - start < CHUNK_MIN_BYTES
        {
            return Err(Failure::Invalid(format!(
                "Invalid request.  The number of bytes uploaded is required to be equal or greater \
                 than {CHUNK_MIN_BYTES}, except for the final request (it's recommended to be the \
                 exact multiple of {CHUNK_MIN_BYTES}).  The received request contained {} bytes, \
                 which does not meet this requirement.",
                last + 1 - start
            )));
        }
        Ok(())
    }

    /// Whether `size_bytes` are all.
    fn completes(self, size_bytes: u64) -> bool {
        match (self.start, self.last, self.total) {
            (_, _, Some(total)) => size_bytes == total,
            (Some(_), None, None) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(Option<u64>, Option<u64>, Option<u64>)>) {
        let got = Chunk::parse(text).map(|chunk| (chunk.start, chunk.last, chunk.total));
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn every_form_of_content_range_is_read() {
        check("bytes 0-9/10", Some((Some(0), Some(9), Some(10))));
        check("bytes 5-9/*", Some((Some(5), Some(9), None)));
        check("bytes 0-*/*", Some((Some(0), None, None)));
        check("bytes 0-*/10", Some((Some(0), None, Some(10))));
        check("bytes */10", Some((None, None, Some(10))));
        check("bytes */*", Some((None, None, None)));
        check("bytes 9-5/10", None);
        check("bytes 0-10/10", None);
        check("0-9/10", None);
        check("bytes 0-9", None);
    }
}
