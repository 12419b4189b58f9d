//! Cloud Scheduler: jobs that publish on a cron schedule, in UTC.

mod cron;
mod job;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    catalog::{Catalog, patched},
    clock::Clock,
    db::{self, Db},
    grpc::{Request, Response},
    ports::Publish,
    rest::{self, invalid},
    ticker::Ticker,
};

use self::job::{JobMessage, ScheduledJob};

/// The longest sleep in wall-clock time: after a laptop was suspended, due jobs run within this time.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// Cloud Scheduler; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    inner: Arc<SchedulerInner>,
    _ticker: Arc<Ticker>,
}

struct SchedulerInner {
    clock: Clock,
    publish: Publish,
    state: Mutex<State>,
    /// Wakes the ticker when a schedule has changed.
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    resources: Catalog,
    jobs: BTreeMap<String, ScheduledJob>,
}

impl Scheduler {
    /// Reads back what an earlier process left in `db`; ticks missed in between stay missed.
    pub(crate) fn open(db: &Db, clock: Clock, publish: Publish) -> Result<Self, db::Error> {
        let now = clock.now();
        let resources = Catalog::open(db, "scheduler-jobs")?;
        let jobs = resources.iter().filter_map(|(name, resource)| {
            Some((name.clone(), ScheduledJob::parse(resource, now).ok()?))
        });
        let state = State {
            jobs: jobs.collect(),
            resources,
        };
        let inner = Arc::new(SchedulerInner {
            clock,
            publish,
            state: Mutex::new(state),
            changed: Arc::default(),
        });
        let ticker = Ticker::start(Arc::clone(&inner.changed), {
            let inner = Arc::clone(&inner);
            move || inner.publish_due()
        });
        Ok(Self {
            inner,
            _ticker: Arc::new(ticker),
        })
    }

    /// Answers a REST call.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        self.inner
            .answer(request)
            .await
            .map_or_else(rest::Error::into_response, |answer| rest::ok(&answer))
    }
}

impl SchedulerInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what is due, and returns how long to wait for the next job.
    fn publish_due(&self) -> Duration {
        let now = self.clock.now();
        let mut due = Vec::new();
        let mut next: Option<DateTime<Utc>> = None;
        for job in self.state().jobs.values_mut() {
            if job.due().is_some_and(|at| at <= now) {
                job.attempted(now);
                due.push(job.message.clone());
            }
            next = job.due().into_iter().chain(next).min();
        }
        for message in due {
            self.publish(message);
        }
        let pause = next.and_then(|next| (next - now).to_std().ok());
        pause.map_or(SLEEP_MAX, |pause| self.clock.wall(pause).min(SLEEP_MAX))
    }

    fn publish(&self, message: JobMessage) {
        (self.publish)(&message.topic, message.data, message.attributes);
    }

    async fn answer(&self, request: Request) -> Result<Value, rest::Error> {
        let (parts, body) = request.into_parts();
        let body: Value = rest::json(Request::new(body)).await?;
        let request = Request::from_parts(parts, axum::body::Body::empty());
        let path = request.uri().path();
        let segments = rest::segments(path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let [
            "v1",
            "projects",
            project,
            "locations",
            location,
            "jobs",
            rest @ ..,
        ] = segments.as_slice()
        else {
            return Err(rest::Error::unimplemented(request.method(), path));
        };
        let parent = format!("projects/{project}/locations/{location}/jobs");
        let answer = match (request.method(), rest) {
            (&Method::GET, []) => self.state().list(&parent, &request),
            (&Method::POST, []) => self.create(&parent, body),
            (&Method::POST, [call]) if call.contains(':') => {
                let (id, verb) = call.split_once(':').unwrap_or_default();
                self.act(&format!("{parent}/{id}"), verb)
            }
            (method, [id]) => self.one(method, &format!("{parent}/{id}"), &body, &request),
            (method, _) => Err(rest::Error::unimplemented(method, path)),
        };
        self.changed.notify_one();
        answer
    }

    fn create(&self, parent: &str, mut body: Value) -> Result<Value, rest::Error> {
        let now = self.clock.now();
        let name = body
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let id = name.strip_prefix(&format!("{parent}/"));
        if id.is_none_or(|id| id.is_empty() || id.contains('/')) {
            return Err(invalid(format!(
                "the job name `{name}` is not in `{parent}`"
            )));
        }
        let mut state = self.state();
        if state.resources.contains(&name) {
            let message = format!("the job `{name}` already exists");
            return Err(rest::Error::new("ALREADY_EXISTS", message));
        }
        if let Some(fields) = body.as_object_mut() {
            fields.insert("state".to_owned(), "ENABLED".into());
            fields.insert("userUpdateTime".to_owned(), json!(now));
            fields.entry("timeZone").or_insert("UTC".into());
        }
        let job = ScheduledJob::parse(&body, now)?;
        state.keep(&name, body, job)
    }

    fn one(
        &self,
        method: &Method,
        name: &str,
        body: &Value,
        request: &Request,
    ) -> Result<Value, rest::Error> {
        let mut state = self.state();
        match *method {
            Method::GET => state.to_json(name),
            Method::DELETE => {
                state.resources.remove(name)?;
                state.jobs.remove(name);
                Ok(json!({}))
            }
            Method::PATCH => {
                let mut resource = patched(state.resources.get(name)?, body, request)?;
                let now = self.clock.now();
                if let Some(fields) = resource.as_object_mut() {
                    fields.insert("userUpdateTime".to_owned(), json!(now));
                }
                let job = ScheduledJob::parse(&resource, now)?;
                state.keep(name, resource, job)
            }
            _ => Err(rest::Error::unimplemented(method, request.uri().path())),
        }
    }

    fn act(&self, name: &str, verb: &str) -> Result<Value, rest::Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let resource = state.resources.get(name)?.clone();
        let Some(mut job) = state.jobs.get(name).cloned() else {
            return Err(rest::Error::new(
                "INTERNAL",
                format!("the stored job `{name}` cannot be parsed"),
            ));
        };
        match verb {
            "pause" => job.paused = true,
            "resume" => job.resume(now),
            "run" => {
                job.attempted(now);
                let message = job.message.clone();
                state.jobs.insert(name.to_owned(), job);
                let to_json = state.to_json(name);
                drop(state);
                self.publish(message);
                return to_json;
            }
            _ => {
                let path = format!("/v1/{name}:{verb}");
                return Err(rest::Error::unimplemented(&Method::POST, &path));
            }
        }
        let resource = job.to_json(&resource);
        state.keep(name, resource, job)
    }
}

impl State {
    fn keep(
        &mut self,
        name: &str,
        resource: Value,
        job: ScheduledJob,
    ) -> Result<Value, rest::Error> {
        self.resources.put(name, resource)?;
        self.jobs.insert(name.to_owned(), job);
        self.to_json(name)
    }

    fn to_json(&self, name: &str) -> Result<Value, rest::Error> {
        let resource = self.resources.get(name)?;
        let job = self.jobs.get(name);
        Ok(job.map_or_else(|| resource.clone(), |job| job.to_json(resource)))
    }

    fn list(&self, parent: &str, request: &Request) -> Result<Value, rest::Error> {
        let mut page = self.resources.page(parent, "jobs", &rest::query(request))?;
        let jobs = page.get_mut("jobs").and_then(Value::as_array_mut);
        for resource in jobs.into_iter().flatten() {
            let name = resource.get("name").and_then(Value::as_str);
            if let Some(job) = name.and_then(|name| self.jobs.get(name)) {
                *resource = job.to_json(resource);
            }
        }
        Ok(page)
    }
}

impl fmt::Debug for SchedulerInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
