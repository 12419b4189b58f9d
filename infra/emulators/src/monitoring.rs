//! Cloud Logging and Cloud Monitoring: entries, log-based metrics, time series, alert policies.
//!
//! A policy that an entry or a point violates publishes a notification to its channel's topic,
//! some simulated minutes later, as in the cloud.

mod entry;
mod metric;

mod filter;

mod align;
mod series;

mod evaluate;
mod incident;
mod policy;

mod alerting;
mod state;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    clock::Clock,
    db::{self, Db},
    grpc::{Request, Response},
    ports::Publish,
    rest::{self, invalid},
    ticker::Ticker,
};

use self::{entry::WriteEntries, series::WrittenPoints, state::State};

/// How often, in simulated time, to check whether policies are due: more often than the policies'
/// evaluation interval.
const TICK: Duration = Duration::from_secs(5);

/// The bounds of that in wall-clock time: a fast clock must not use up a core, and a slow one
/// must not delay what is due.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Logging and Monitoring; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Monitoring {
    inner: Arc<MonitoringInner>,
    _ticker: Arc<Ticker>,
}

struct MonitoringInner {
    clock: Clock,
    publish: Publish,
    state: Mutex<State>,
}

impl Monitoring {
    /// Reads back what an earlier process left in `db`: metrics, policies and channels.
    pub(crate) fn open(db: &Db, clock: Clock, publish: Publish) -> Result<Self, db::Error> {
        let state = State::open(db, clock.now())?;
        let inner = Arc::new(MonitoringInner {
            clock,
            publish,
            state: Mutex::new(state),
        });
        let pause = inner.clock.wall(TICK).clamp(PAUSE.0, PAUSE.1);
        let ticker = Ticker::start(Arc::default(), {
            let inner = Arc::clone(&inner);
            move || {
                inner.tick();
                pause
            }
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

impl MonitoringInner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let due = self.state().due(self.clock.now());
        for (topic, data) in due {
            (self.publish)(&topic, data, BTreeMap::new());
        }
    }

    async fn answer(&self, request: Request) -> Result<Value, rest::Error> {
        let (parts, body) = request.into_parts();
        let body: Value = rest::json(Request::new(body)).await?;
        let request = Request::from_parts(parts, axum::body::Body::empty());
        let path = request.uri().path();
        let segments = rest::segments(path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let now = self.clock.now();
        let mut state = self.state();
        match (request.method(), segments.as_slice()) {
            (&Method::POST, ["v2", "entries:write"]) => {
                state.write_entries(read::<WriteEntries>(body)?, now)
            }
            (&Method::POST, ["v2", "entries:list"]) => state.list_entries(&read(body)?),
            (&Method::GET, ["v3", "projects", _, "timeSeries"]) => {
                state.list_series(&rest::query(&request))
            }
            (&Method::POST, ["emulator", "monitoring", "points"]) => {
                state.put_points(read::<CreateTimeSeries>(body)?.time_series)
            }
            (&Method::POST, ["v3", "projects", _, "timeSeries"]) => {
                state.write_series(&read::<CreateTimeSeries>(body)?.time_series, now)
            }
            // The name of a metric may contain slashes, escaped or not.
            (_, ["v2", "projects", project, "metrics", id @ ..]) => {
                state.metrics(project, &id.join("/"), &request, body)
            }
            (_, ["v3", "projects", project, kind, id @ ..]) if id.len() < 2 => {
                let id = id.first().copied().unwrap_or_default();
                match *kind {
                    "alertPolicies" => state.policies(project, id, &request, &body, now),
                    "notificationChannels" => state.channels(project, id, &request, &body, now),
                    _ => Err(rest::Error::unimplemented(request.method(), path)),
                }
            }
            (method, _) => Err(rest::Error::unimplemented(method, path)),
        }
    }
}

impl fmt::Debug for MonitoringInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitoring").finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateTimeSeries {
    time_series: Vec<WrittenPoints>,
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, rest::Error> {
    serde_json::from_value(body).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests;
