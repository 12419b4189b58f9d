//! A proxy between the functions and the emulator of Vertex AI, which behaves as the service may.
//!
//! The emulator's own faults refuse calls, lose answers and hold them: the proxy does what they
//! cannot, which is to answer well and differently. It also records every call that it sees, since
//! the journal has no reads. What passes it comes to the emulator's main listener, so a fault of a
//! test that uses it names no `caller`.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test's helper fails the test"
)]

mod answer;
mod mode;
mod noise;
mod recording;
mod request;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{
        HeaderMap, Method, Request, Response, StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST},
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use self::recording::Recording;
pub use self::{mode::ProxyMode, request::VertexRequest};
use crate::harness::{Harness, Setup};

/// Largest body that is passed on: far above what a test sends.
const BODY_MAX_BYTES: usize = 64 << 20;
/// Longest that the emulator may take: longer than any function waits.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// The running proxy. Dropping it ends it.
#[derive(Debug)]
pub struct VertexProxy {
    endpoint: String,
    upstream: watch::Sender<Option<String>>,
    seen: Arc<Mutex<ProxyState>>,
    server: JoinHandle<()>,
}

/// What the proxy has been set to, and what it has seen.
#[derive(Debug, Default)]
struct ProxyState {
    modes: Vec<ProxyMode>,
    requests: Vec<VertexRequest>,
    /// Ids of the jobs that were created through the proxy, the oldest first.
    jobs: Vec<String>,
    recording: Option<Recording>,
}

/// What a call needs to be answered.
#[derive(Clone)]
struct ProxyContext {
    upstream: watch::Receiver<Option<String>>,
    seen: Arc<Mutex<ProxyState>>,
    http: reqwest::Client,
}

/// An answer on its way to the caller.
struct ProxyAnswer {
    status: StatusCode,
    content_type: String,
    body: Bytes,
}

impl Drop for VertexProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl VertexProxy {
    /// Starts a system whose functions call Vertex AI through a proxy.
    pub async fn before(program: &str, setup: Setup) -> (Harness, Self) {
        let proxy = Self::start().await;
        let harness = proxy.harness(program, setup).await;
        (harness, proxy)
    }

    /// Starts a proxy that leads nowhere yet: calls wait until it does.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (upstream, receiver) = watch::channel(None);
        let seen = Arc::new(Mutex::new(ProxyState {
            recording: Recording::open(address.port()),
            ..ProxyState::default()
        }));
        let context = ProxyContext {
            upstream: receiver,
            seen: Arc::clone(&seen),
            http: reqwest::Client::builder()
                .timeout(ANSWER_MAX)
                .build()
                .expect("a client"),
        };
        let app = Router::new().fallback(pass).with_state(context);
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("it serves");
        });
        Self {
            endpoint: format!("http://{address}"),
            upstream,
            seen,
            server,
        }
    }

    /// Starts a system behind this proxy; the system before it on the same data must have stopped.
    pub async fn harness(&self, program: &str, setup: Setup) -> Harness {
        self.upstream.send_replace(None);
        let setup = setup.with("VERTEX_ENDPOINT", &self.endpoint);
        let harness = Harness::start(program, setup).await;
        let emulator = harness.address("VERTEX_ENDPOINT").to_owned();
        self.upstream.send_replace(Some(emulator));
        harness
    }

    /// Behaves in one more way from now on.
    pub fn add(&self, mode: ProxyMode) {
        self.state().modes.push(mode);
    }

    /// Behaves as the emulator does from now on.
    pub fn clear(&self) {
        self.state().modes.clear();
    }

    /// Every call so far, in the order of the answers.
    pub fn requests(&self) -> Vec<VertexRequest> {
        self.state().requests.clone()
    }

    /// The number of calls so far that `is_it`.
    pub fn count(&self, is_it: impl Fn(&VertexRequest) -> bool) -> usize {
        let state = self.state();
        state.requests.iter().filter(|seen| is_it(seen)).count()
    }

    /// The number of calls that created a job, or tried to.
    pub fn creates(&self) -> usize {
        self.count(VertexRequest::is_create)
    }

    /// The number of calls that asked a job to stop.
    pub fn cancels(&self) -> usize {
        self.count(VertexRequest::is_cancel)
    }

    fn state(&self) -> MutexGuard<'_, ProxyState> {
        lock(&self.seen)
    }
}

fn lock(state: &Mutex<ProxyState>) -> MutexGuard<'_, ProxyState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one call, and records it.
async fn pass(State(context): State<ProxyContext>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_MAX_BYTES).await.unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    let mut seen = VertexRequest::new(&parts.method, target, &parts.headers, &body);
    let answer = answer(&context, &parts.method, &parts.headers, target, body, &seen).await;
    seen.status = answer.status.as_u16();
    lock(&context.seen).requests.push(seen);
    Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, answer.content_type)
        .body(Body::from(answer.body))
        .expect("a valid answer")
}

async fn answer(
    context: &ProxyContext,
    method: &Method,
    headers: &HeaderMap,
    target: &str,
    body: Bytes,
    seen: &VertexRequest,
) -> ProxyAnswer {
    let replacement = mode::replacement(&mut lock(&context.seen).modes, seen);
    if let Some(replacement) = &replacement
        && !replacement.takes_effect
    {
        return ProxyAnswer::json(replacement.status, &replacement.body);
    }
    let answer = forward(context, method, headers, target, body.clone()).await;
    note_job(context, seen, &answer);
    // The emulator never answers 502: that is the proxy's own.
    if answer.status != StatusCode::BAD_GATEWAY
        && let Some(recording) = &mut lock(&context.seen).recording
    {
        recording.write(seen, &body, answer.status.as_u16(), &answer.body);
    }
    if let Some(replacement) = replacement {
        return ProxyAnswer::json(replacement.status, &replacement.body);
    }
    let is_json = answer.content_type.starts_with("application/json");
    if !answer.status.is_success() || !is_json {
        return answer;
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    let state = lock(&context.seen);
    for mode in &state.modes {
        answer::edit(mode, seen, &state.jobs, &mut json);
    }
    ProxyAnswer::json(answer.status.as_u16(), &json)
}

/// Remembers the job that a call created, although its answer may be replaced.
fn note_job(context: &ProxyContext, seen: &VertexRequest, answer: &ProxyAnswer) {
    if !seen.is_create() || !answer.status.is_success() {
        return;
    }
    let job: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let id = answer::job_id(&job).to_owned();
    lock(&context.seen).jobs.push(id);
}

async fn forward(
    context: &ProxyContext,
    method: &Method,
    headers: &HeaderMap,
    target: &str,
    body: Bytes,
) -> ProxyAnswer {
    let mut upstream = context.upstream.clone();
    let upstream = match upstream.wait_for(Option::is_some).await {
        Ok(upstream) => upstream.clone().unwrap_or_default(),
        Err(_closed) => return ProxyAnswer::unanswered("the proxy has ended"),
    };
    let mut headers = headers.clone();
    for name in [HOST, CONTENT_LENGTH, CONNECTION, ACCEPT_ENCODING] {
        headers.remove(name);
    }
    let call = context
        .http
        .request(method.clone(), format!("{upstream}{target}"))
        .headers(headers)
        .body(body);
    let answer = match call.send().await {
        Ok(answer) => answer,
        Err(error) => return ProxyAnswer::unanswered(&error.to_string()),
    };
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("application/json").to_owned();
    match answer.bytes().await {
        Ok(body) => ProxyAnswer {
            status,
            content_type,
            body,
        },
        Err(error) => ProxyAnswer::unanswered(&error.to_string()),
    }
}

impl ProxyAnswer {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a status of HTTP"),
            content_type: "application/json; charset=UTF-8".to_owned(),
            body: body.to_string().into(),
        }
    }

    /// The emulator gave no answer: for the caller, an answer of something in between.
    fn unanswered(reason: &str) -> Self {
        Self::json(502, &json!({ "error": { "code": 502, "message": reason } }))
    }
}
