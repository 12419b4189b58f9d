//! Cloud Run: jobs, whose tasks are processes of this machine, and services.
//!
//! A container's `command` and `args` are executed directly; without a command, `image` is the path
//! of the program. Tasks are real processes: they take wall-clock time, whatever the clock's speed.

mod container;
mod execution;
mod job;
mod task;

mod instance;
mod service;
mod services;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt as _, stream};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, broadcast},
    task::JoinSet,
};

pub use self::task::TaskLine;
use self::{execution::Execution, job::RunJob, services::Services};
use crate::{
    catalog::{Catalog, patched},
    clock::Clock,
    db::{self, Db},
    grpc::{Request, Response},
    rest::{self, invalid},
};

/// Lines that a slow reader may fall behind before it loses some.
const LINES_MAX: usize = 10_000;

/// Cloud Run; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct CloudRunEmulator {
    inner: Arc<RunInner>,
    services: Services,
    executions: Arc<Mutex<JoinSet<()>>>,
}

struct RunInner {
    clock: Clock,
    state: Mutex<State>,
    lines: broadcast::Sender<TaskLine>,
}

#[derive(Debug)]
struct State {
    jobs: Catalog,
    executions: Catalog,
    /// How many executions have ever been started: part of their names.
    started: u64,
    /// How often a job was created or changed: part of etags.
    kept: u64,
    /// The running attempts, by execution, task and attempt.
    running: BTreeMap<(String, u32, u32), Arc<Notify>>,
}

/// Which attempts to kill; an absent field matches any.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    #[serde(default)]
    execution: Option<String>,
    #[serde(default)]
    index: Option<u32>,
}

impl CloudRunEmulator {
    /// Reads back what an earlier process left in `db`; executions that were running then have failed.
    /// `base_url` is the prefix of the URLs of services' revisions.
    pub(crate) fn open(db: &Db, clock: Clock, base_url: &str) -> Result<Self, db::Error> {
        let services = Services::open(db, clock.clone(), base_url)?;
        let mut executions = Catalog::open(db, "run-executions")?;
        let cut_off: Vec<Execution> = executions
            .iter()
            .filter_map(|(_, resource)| Execution::read(resource))
            .filter(|execution| !execution.is_over())
            .collect();
        let started = u64::try_from(executions.iter().count()).unwrap_or_default();
        for mut execution in cut_off {
            execution.cut_off(clock.now());
            // Storing it again fails only if the store fails, which the next call reports.
            let _stored = executions.put(&execution.name, execution.to_json());
        }
        let state = State {
            jobs: Catalog::open(db, "run-jobs")?,
            executions,
            started,
            kept: 0,
            running: BTreeMap::new(),
        };
        Ok(Self {
            inner: Arc::new(RunInner {
                clock,
                state: Mutex::new(state),
                lines: broadcast::Sender::new(LINES_MAX),
            }),
            services,
            executions: Arc::default(),
        })
    }

    /// What tasks write to their standard output, from now on.
    pub(crate) fn lines(&self) -> broadcast::Sender<TaskLine> {
        self.inner.lines.clone()
    }

    /// Answers a REST call.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        if let Some(at) = request.uri().path().strip_prefix("/emulator/run/at/") {
            let (host, path) = at.split_once('/').unwrap_or((at, ""));
            let (host, path) = (host.to_owned(), path.to_owned());
            return self.services.proxy(&host, &path, request).await;
        }
        self.answer(request)
            .await
            .map_or_else(rest::Error::into_response, |answer| rest::ok(&answer))
    }

    async fn answer(&self, request: Request) -> Result<Value, rest::Error> {
        let (parts, body) = request.into_parts();
        let body: Value = rest::json(Request::new(body)).await?;
        let request = Request::from_parts(parts, axum::body::Body::empty());
        let path = request.uri().path().to_owned();
        let segments = rest::segments(&path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let unserved = || rest::Error::unimplemented(request.method(), &path);
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["emulator", "run"]) => Ok(self.inner.state().attempts()),
            (&Method::POST, ["emulator", "run", "kill"]) => {
                let kill = Kill::deserialize(body).map_err(|error| invalid(error.to_string()))?;
                Ok(self.inner.state().kill(&kill))
            }
            (&Method::POST, ["emulator", "run", "conduct"]) => self.services.conduct(body),
            (method, ["v2", "projects", project, "locations", location, rest @ ..]) => {
                let parent = format!("projects/{project}/locations/{location}");
                match (method, rest) {
                    (_, ["jobs"]) => self.jobs(&parent, &request, body),
                    (_, ["jobs", job]) => {
                        self.job(&format!("{parent}/jobs/{job}"), &request, &body)
                    }
                    (_, ["jobs", job, "executions", rest @ ..]) => {
                        self.execution(&format!("{parent}/jobs/{job}"), rest, &request)
                    }
                    (_, ["services", rest @ ..]) => {
                        self.services.answer(&parent, rest, &request, body)
                    }
                    (&Method::GET, ["operations", operation]) => {
                        let of_service = format!("{parent}/operations/{operation}");
                        match self.services.operation(&of_service) {
                            Some(found) => Ok(found),
                            None => self.inner.state().operation(&parent, operation),
                        }
                    }
                    _ => Err(unserved()),
                }
            }
            _ => Err(unserved()),
        }
    }

    fn jobs(&self, parent: &str, request: &Request, body: Value) -> Result<Value, rest::Error> {
        let mut state = self.inner.state();
        let query = rest::query(request);
        match *request.method() {
            Method::GET => state.jobs.page(&format!("{parent}/jobs"), "jobs", &query),
            Method::POST => {
                let id = query.iter().find(|(name, _)| name == "jobId");
                let id = id.map(|(_, id)| id.as_str()).unwrap_or_default();
                if !job::is_id(id) {
                    return Err(invalid(format!("jobId `{id}` is not a valid job name")));
                }
                let name = format!("{parent}/jobs/{id}");
                if state.jobs.contains(&name) {
                    let message = format!("Resource '{id}' already exists.");
                    return Err(rest::Error::new("ALREADY_EXISTS", message));
                }
                state.keep(&name, body, &self.inner.clock.now().to_rfc3339())
            }
            _ => Err(rest::Error::unimplemented(
                request.method(),
                request.uri().path(),
            )),
        }
    }

    fn job(&self, name: &str, request: &Request, body: &Value) -> Result<Value, rest::Error> {
        let now = self.inner.clock.now().to_rfc3339();
        let mut state = self.inner.state();
        match (request.method(), name.split_once(':')) {
            (&Method::POST, Some((name, "run"))) => {
                drop(state);
                self.start(name, body)
            }
            (&Method::GET, None) => state.jobs.get(name).cloned(),
            (&Method::PATCH, None) => {
                let old = state.jobs.get(name)?;
                let requested = body.get("etag").filter(|etag| !etag.is_null());
                if requested.is_some() && requested != old.get("etag") {
                    let message =
                        format!("Conflict for resource '{name}': the etag is of another version.");
                    return Err(rest::Error::new("ABORTED", message));
                }
                let resource = patched(state.jobs.get(name)?, body, request)?;
                state.keep(name, resource, &now)
            }
            (method, _) => Err(rest::Error::unimplemented(method, request.uri().path())),
        }
    }

    fn execution(&self, job: &str, rest: &[&str], request: &Request) -> Result<Value, rest::Error> {
        let state = self.inner.state();
        match (request.method(), rest) {
            (&Method::GET, []) => {
                let query = rest::query(request);
                let parent = format!("{job}/executions");
                state.executions.page(&parent, "executions", &query)
            }
            (&Method::GET, [id]) => {
                let name = format!("{job}/executions/{id}");
                state.executions.get(&name).cloned()
            }
            (method, _) => Err(rest::Error::unimplemented(method, request.uri().path())),
        }
    }

    /// Starts an execution of the job `name`.
    fn start(&self, name: &str, body: &Value) -> Result<Value, rest::Error> {
        let mut state = self.inner.state();
        let job = RunJob::parse(state.jobs.get(name)?)?.overridden(body)?;
        state.started += 1;
        let id = name.rsplit('/').next().unwrap_or_default();
        let execution = format!("{name}/executions/{id}-{:05}", state.started);
        let execution = Execution::new(execution, &job, self.inner.clock.now());
        state.executions.put(&execution.name, execution.to_json())?;
        drop(state);
        let operation = execution.operation();
        let running = run(Arc::clone(&self.inner), execution, job);
        let mut executions = self
            .executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while executions.try_join_next().is_some() {}
        executions.spawn(running);
        Ok(operation)
    }
}

/// Runs all tasks of an execution, several at a time.
async fn run(inner: Arc<RunInner>, execution: Execution, job: RunJob) {
    let name = execution.name.clone();
    let tasks = (0..job.tasks).map(|index| {
        let (inner, name, job) = (&inner, &name, &job);
        async move { inner.task(name, index, job).await }
    });
    stream::iter(tasks)
        .buffer_unordered(job.parallel())
        .collect::<()>()
        .await;
    let now = inner.clock.now();
    inner.change(&name, |execution| execution.end(now));
}

impl RunInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Execution)) {
        let mut state = self.state();
        let known = state.executions.get(name).ok().and_then(Execution::read);
        if let Some(mut execution) = known {
            change(&mut execution);
            // A failing store is logged by the catalog; the task has run nevertheless.
            let _stored = state.executions.put(name, execution.to_json());
        }
    }

    /// Runs one task, with retries.
    async fn task(&self, execution: &str, index: u32, job: &RunJob) {
        self.change(execution, |execution| execution.running += 1);
        for attempt in 0..=job.retries {
            if attempt > 0 {
                self.change(execution, |execution| execution.retried += 1);
            }
            let key = (execution.to_owned(), index, attempt);
            let killed = Arc::new(Notify::new());
            self.state()
                .running
                .insert(key.clone(), Arc::clone(&killed));
            let attempt = task::Attempt {
                execution,
                index,
                tried: attempt,
                job,
            };
            let succeeded = attempt.run(&killed, &self.lines).await;
            self.state().running.remove(&key);
            if succeeded {
                self.change(execution, |execution| {
                    execution.running -= 1;
                    execution.succeeded += 1;
                });
                return;
            }
        }
        self.change(execution, |execution| {
            execution.running -= 1;
            execution.failed += 1;
        });
    }
}

impl State {
    fn keep(&mut self, name: &str, mut resource: Value, now: &str) -> Result<Value, rest::Error> {
        RunJob::parse(&resource)?;
        if let Some(fields) = resource.as_object_mut() {
            fields.insert("name".to_owned(), name.into());
            fields.entry("createTime").or_insert_with(|| json!(now));
            fields.insert("updateTime".to_owned(), json!(now));
            self.kept += 1;
            fields.insert("etag".to_owned(), format!("\"j{}\"", self.kept).into());
        }
        self.jobs.put(name, resource.clone())?;
        Ok(done(name, &resource))
    }

    fn operation(&self, parent: &str, id: &str) -> Result<Value, rest::Error> {
        let mut all = self
            .executions
            .iter()
            .filter_map(|(_, it)| Execution::read(it));
        let name = format!("{parent}/operations/{id}");
        let found = all.find(|execution| execution.operation_name() == name);
        found
            .map(|execution| execution.operation())
            .ok_or_else(|| rest::Error::new("NOT_FOUND", format!("`{name}` does not exist")))
    }

    fn attempts(&self) -> Value {
        let attempts = self.running.keys().map(|(execution, index, attempt)| {
            json!({ "execution": execution, "index": index, "attempt": attempt })
        });
        json!({ "running": attempts.collect::<Vec<_>>() })
    }

    fn kill(&self, kill: &Kill) -> Value {
        let matching = self.running.iter().filter(|((execution, index, _), _)| {
            kill.execution.as_ref().is_none_or(|it| it == execution)
                && kill.index.is_none_or(|it| it == *index)
        });
        let killed = matching.map(|(_, killed)| killed.notify_one()).count();
        json!({ "killed": killed })
    }
}

/// The operation of a change that completes immediately.
fn done(name: &str, resource: &Value) -> Value {
    let parent = name.split("/jobs/").next().unwrap_or_default();
    json!({
        "name": format!("{parent}/operations/done"),
        "metadata": resource,
        "done": true,
        "response": resource,
    })
}

impl fmt::Debug for RunInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudRunEmulator").finish_non_exhaustive()
    }
}
