//! Start-up and shut-down, the same for every function.

use std::{
    error::Error as StdError, future::Future, io, net::TcpListener, pin::Pin, process::ExitCode,
    sync::Arc,
};

use actix_web::{
    App, HttpMessage as _, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web::{self, ServiceConfig},
};
use futures::{FutureExt as _, future::LocalBoxFuture};
use tracing::{Instrument as _, error, info};

pub use crate::auth::Callers;
use crate::{
    auth::{self, Auth},
    clock::Clock,
    config::{Reader, Vars},
    error::Chain,
    google::{Google, StartError},
    smoke::{self, SmokeTest},
    telemetry,
    trace::Trace,
};

/// Seconds that requests in flight get after SIGTERM.
///
/// Cloud Run kills the container 10 s after the signal; actix waits 30 s by default.
const SHUTDOWN_S: u64 = 8;
/// Bytes of a request body: Pub/Sub pushes at most 10 MB of base64 and its envelope.
const BODY_MAX_BYTES: usize = 16 << 20;

/// What every function is given at its start.
#[derive(Debug, Clone)]
pub struct Common {
    /// The time.
    pub clock: Clock,
    /// Google's services.
    pub google: Google,
}

/// A running function, until it is asked to stop.
///
/// Boxed, so that the code of a function is generated once, in its own crate, and not again in
/// every binary that runs it: the laptop's alone would take minutes to compile.
pub type Running = Pin<Box<dyn Future<Output = ExitCode>>>;

/// The routes of a function, which every worker configures.
type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// Makes a function's clients from its settings, and returns its routes.
type Start = Box<dyn FnOnce(Common) -> LocalBoxFuture<'static, Result<Routes, StartError>>>;

/// Reads a function's settings.
type Read = Box<dyn FnOnce(&mut Reader<'_>) -> Option<Start>>;

/// Runs the function `name`.
///
/// `read` reads its settings; `start` makes its clients and returns its routes.
pub fn run<C, S, F, R>(
    name: &'static str,
    callers: Callers,
    read: fn(&mut Reader<'_>) -> Option<C>,
    start: S,
) -> Running
where
    C: 'static,
    S: FnOnce(C, Common) -> F + 'static,
    F: Future<Output = Result<R, StartError>> + 'static,
    R: Fn(&mut ServiceConfig) + Send + Sync + 'static,
{
    // From here on no code depends on the function's types: the server's code is generated here,
    // once.
    let read: Read = Box::new(move |reader| {
        let settings = read(reader)?;
        Some(Box::new(move |common| {
            let started = start(settings, common);
            let routes = async move { Ok(Arc::new(started.await?) as Routes) };
            routes.boxed_local()
        }))
    });
    running(name, callers, read)
}

/// Runs `work` once, as a task of a job of the function `name`: without a server, and with an exit
/// code that tells whether the work is done.
///
/// `read` reads its settings.
pub fn run_task<C, W, F>(
    name: &'static str,
    read: fn(&mut Reader<'_>) -> Option<C>,
    work: W,
) -> Running
where
    C: 'static,
    W: FnOnce(C, Common) -> F + 'static,
    F: Future<Output = Result<(), Box<dyn StdError>>> + 'static,
{
    Box::pin(async move {
        let vars = environment(name);
        let mut reader = Reader::new(&vars);
        let clock = Clock::read(&mut reader);
        let google = Google::read(name, &mut reader);
        let settings = read(&mut reader);
        let started = reader.finish(|| {
            let (clock, google) = (clock?, google?);
            Some((settings?, Common { clock, google }))
        });
        let (settings, common) = match started {
            Ok(started) => started,
            Err(error) => return not_started(name, &error),
        };
        match work(settings, common).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                error!(
                    outcome = "failed",
                    "a task of {name} failed: {}",
                    Chain(&*error)
                );
                ExitCode::FAILURE
            }
        }
    })
}

fn running(name: &'static str, callers: Callers, read: Read) -> Running {
    Box::pin(async move {
        let vars = environment(name);
        match launch(name, callers, &vars, read).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => not_started(name, &*error),
        }
    })
}

/// The variables of the process; from here on it logs.
fn environment(name: &'static str) -> Vars {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let vars: Vars = std::env::vars().collect();
    telemetry::init(name, vars.get("GOOGLE_CLOUD_PROJECT").cloned());
    vars
}

fn not_started(name: &str, error: &(dyn StdError + 'static)) -> ExitCode {
    error!(
        outcome = "not_started",
        "{name} cannot run: {}",
        Chain(error)
    );
    ExitCode::FAILURE
}

async fn launch(
    name: &'static str,
    callers: Callers,
    vars: &Vars,
    read: Read,
) -> Result<(), Box<dyn StdError>> {
    let mut reader = Reader::new(vars);
    let port = reader.or::<u16>("PORT", 8080);
    let host = reader.or("HOST", std::net::IpAddr::from([0, 0, 0, 0]));
    let workers = reader.or::<usize>("WORKERS", 2);
    let clock = Clock::read(&mut reader);
    let google = Google::read(name, &mut reader);
    let http = google.as_ref().map(|google| google.http().clone());
    let auth = Auth::read(callers, &mut reader, clock, http);
    let revision = reader.optional("K_REVISION");
    let start = read(&mut reader);
    let (port, host, workers, clock, google, auth, revision, start) = reader.finish(|| {
        Some((
            port?, host?, workers?, clock?, google?, auth?, revision?, start?,
        ))
    })?;
    let smoke_test = match callers {
        Callers::Pushes => Some(SmokeTest::new(name, revision, google.documents()?, clock)),
        Callers::Programs | Callers::People => None,
    };
    let smoke_test = smoke_test.map(web::Data::new);
    let routes = start(Common { clock, google }).await?;
    let listener = TcpListener::bind((host, port))?;
    let port = listener.local_addr()?.port();
    info!(outcome = "started", port, "{name} listens on port {port}");
    serve(listener, workers, Arc::new(auth), smoke_test, routes)?.await?;
    info!(outcome = "stopped", "{name} stopped");
    Ok(())
}

/// Serves `routes` on an open port.
fn serve(
    listener: TcpListener,
    workers: usize,
    auth: Arc<Auth>,
    smoke_test: Option<web::Data<SmokeTest>>,
    routes: Routes,
) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        let mut app = App::new();
        if let Some(smoke_test) = smoke_test.clone() {
            app = app
                .app_data(smoke_test)
                .route(smoke::PATH, web::post().to(smoke::smoke));
        }
        let auth = Arc::clone(&auth);
        app.app_data(web::PayloadConfig::new(BODY_MAX_BYTES))
            // The last one wraps the others: a refused request is logged with its trace.
            .wrap(from_fn(move |request, next| {
                auth::admit(Arc::clone(&auth), request, next)
            }))
            .wrap(from_fn(in_span))
            .route(auth::HEALTH, web::get().to(async || "ok"))
            .configure(|app| routes(app))
    })
    // A first event that waits for more bytes would come 40 ms late.
    .tcp_nodelay(true)
    .workers(workers)
    .shutdown_timeout(SHUTDOWN_S)
    .listen(listener)?
    .run();
    Ok(server)
}

/// Puts every log line of a request under one span with the delivery that it belongs to.
async fn in_span(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let trace = Trace::of_headers(|name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    });
    let span = tracing::info_span!(
        "request",
        trace = tracing::field::Empty,
        event.id = tracing::field::Empty,
        "event.type" = tracing::field::Empty,
        attempt = tracing::field::Empty,
        run.id = tracing::field::Empty,
        dataset.version = tracing::field::Empty,
        upload.id = tracing::field::Empty,
    );
    if let Some(trace) = trace {
        span.record("trace", trace.to_string());
        request.extensions_mut().insert(trace);
    }
    next.call(request).instrument(span).await
}
