//! The control API of tests and the console: counts, and delivery faults.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    broker::{Broker, State},
    delivery_faults::DeliveryFaults,
    name,
};
use crate::{
    grpc::{Request, Response},
    rest::{self, Error},
};

/// The subscription name that stands for all, future ones included.
const ALL: &str = "*";

/// The counts of all topics and subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stats {
    /// Every topic.
    pub(crate) topics: Vec<TopicStats>,
    /// Every subscription.
    pub(crate) subscriptions: Vec<SubscriptionStats>,
}

/// A topic's counts, since the start of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TopicStats {
    /// Its full name.
    pub(crate) name: String,
    /// Messages published.
    pub(crate) published: u64,
}

/// A subscription's counts; totals are since the start of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SubscriptionStats {
    /// Its full name.
    pub(crate) name: String,
    /// Its topic's full name.
    pub(crate) topic: String,
    /// Messages not acknowledged, leased ones included.
    pub(crate) undelivered: usize,
    /// Messages that are leased.
    pub(crate) outstanding: usize,
    /// When the oldest unacknowledged message was published.
    pub(crate) oldest: Option<DateTime<Utc>>,
    /// Deliveries made: every attempt and every copy.
    pub(crate) delivered: u64,
    /// Messages acknowledged.
    pub(crate) acknowledged: u64,
}

/// A request for delivery faults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DuplicateRequest {
    /// A full name, or `*`.
    subscription: String,
    #[serde(default)]
    times: u32,
    #[serde(default)]
    every: bool,
    #[serde(default)]
    reverse: bool,
}

/// Answers a call below `/emulator/pubsub`.
pub(super) async fn answer(
    broker: &Arc<Broker>,
    rest: &[&str],
    request: Request,
) -> Result<Response, Error> {
    match (request.method().as_str(), rest) {
        ("GET", []) => Ok(rest::ok(&broker.read(stats))),
        ("POST", ["duplicate"]) => {
            let request: DuplicateRequest = rest::json(request).await?;
            broker.change_soon(|state, _| set_delivery_faults(state, &request))?;
            Ok(rest::ok(&serde_json::json!({})))
        }
        _ => Err(Error::unimplemented(request.method(), request.uri().path())),
    }
}

/// Counts everything.
pub(super) fn stats(state: &State) -> Stats {
    let topics = state.topics.values().map(|topic| TopicStats {
        name: topic.config.name.clone(),
        published: topic.published,
    });
    let subscriptions = state.queues.values().map(|queue| {
        let (undelivered, oldest) = queue.backlog.undelivered();
        SubscriptionStats {
            name: queue.config.name.clone(),
            topic: queue.config.topic.clone(),
            undelivered,
            outstanding: queue.backlog.outstanding(),
            oldest,
            delivered: queue.delivered,
            acknowledged: queue.acknowledged,
        }
    });
    Stats {
        topics: topics.collect(),
        subscriptions: subscriptions.collect(),
    }
}

fn set_delivery_faults(state: &mut State, request: &DuplicateRequest) -> Result<(), Error> {
    let delivery_faults = DeliveryFaults {
        times: request.times,
        every: request.every,
        reverse: request.reverse,
    };
    if request.subscription == ALL {
        state.delivery_faults = delivery_faults;
        for queue in state.queues.values_mut() {
            queue.delivery_faults = delivery_faults;
        }
        return Ok(());
    }
    let queue = state.queues.get_mut(&request.subscription);
    let queue = queue.ok_or_else(|| name::not_found(&request.subscription))?;
    queue.delivery_faults = delivery_faults;
    Ok(())
}
