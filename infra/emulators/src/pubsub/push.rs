//! The push loop: pushes what is due, and ends expired leases.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use http::header;
use tokio::task::JoinSet;

use super::{
    backlog::{Holder, LeasedMessage, Want},
    broker::{Broker, State},
    envelope,
};
use crate::{db::DbChange, ports::MintToken};

/// Concurrent pushes of one subscription. The service starts low and goes up to 3,000; fewer are
/// better for a service on a laptop.
const OUTSTANDING_MAX: usize = 100;
/// Bytes of concurrent pushes of one subscription.
const OUTSTANDING_MAX_BYTES: usize = 64 << 20;
/// A push ends by its own time-out; its lease lasts a little longer, so that the two do not race.
const LEASE_GRACE: Duration = Duration::from_secs(5);
/// The longest pause of the loop: a wall clock that is set back must not stop it.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read so that its connection can be reused.
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// One request to make.
#[derive(Debug)]
struct Push {
    config: Arc<proto::Subscription>,
    delivery: LeasedMessage,
    /// The ack deadline, which is wall-clock time: see [`super::backlog`].
    timeout: Duration,
}

/// What is needed to send requests.
#[derive(Clone)]
struct Sender {
    broker: Weak<Broker>,
    client: reqwest::Client,
    mint: MintToken,
}

/// Starts the loop; it ends with the broker.
pub(super) fn start(broker: &Arc<Broker>, mint: MintToken) {
    let client = reqwest::Client::builder()
        // A redirect does not acknowledge, and endpoints are on this machine.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap_or_default();
    let sender = Sender {
        broker: Arc::downgrade(broker),
        client,
        mint,
    };
    let push_wake = Arc::clone(&broker.push_wake);
    let driver = tokio::spawn(async move {
        let mut requests = JoinSet::new();
        // The broker is held only for one turn of the loop, so that it can be dropped.
        while let Some(broker) = sender.broker.upgrade() {
            let (pushes, rest) = broker.change_soon(State::turn);
            drop(broker);
            for push in pushes {
                requests.spawn(sender.clone().deliver(push));
            }
            tokio::select! {
                () = push_wake.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
            while requests.try_join_next().is_some() {}
        }
    });
    // The broker is new, so its driver was not set before.
    let _ignored = broker.driver.set(driver.abort_handle());
}

impl State {
    /// What to push now, and how long to wait for the next turn.
    fn turn(&mut self, changes: &mut Vec<DbChange>) -> (Vec<Push>, Duration) {
        let now = self.now();
        let names: Vec<String> = self.queues.keys().cloned().collect();
        let mut pushes = Vec::new();
        let mut rest = PAUSE_MAX;
        for name in &names {
            self.refresh(name, now, changes);
        }
        for queue in self.queues.values_mut() {
            if queue.pushes() {
                let held = queue.backlog.held(Holder::Push);
                let want = Want {
                    holder: Holder::Push,
                    messages: OUTSTANDING_MAX.saturating_sub(held.messages),
                    bytes: OUTSTANDING_MAX_BYTES.saturating_sub(held.bytes),
                    lease: queue.rules.deadline + LEASE_GRACE,
                };
                for delivery in queue.lease(now, want) {
                    pushes.push(Push {
                        config: Arc::clone(&queue.config),
                        delivery,
                        timeout: queue.rules.deadline,
                    });
                }
            }
            rest = rest.min(queue.idle_for(now, &self.clock).unwrap_or(PAUSE_MAX));
        }
        (pushes, rest)
    }

    fn finish(&mut self, push: &Push, acknowledged: bool, changes: &mut Vec<DbChange>) {
        let now = self.now();
        let name = &push.config.name;
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        let ack_ids = std::slice::from_ref(&push.delivery.ack_id);
        if acknowledged {
            queue.ack(ack_ids, changes);
        } else {
            let failed = queue.nack(ack_ids, now);
            self.fail(name, failed, changes);
        }
    }
}

impl Sender {
    async fn deliver(self, push: Push) {
        let (mut headers, body) = envelope::build(&push.config, &push.delivery);
        if let Some((email, audience)) = envelope::token_of(&push.config) {
            let bearer = format!("Bearer {}", (self.mint)(email, audience));
            if let Ok(bearer) = header::HeaderValue::try_from(bearer) {
                headers.insert(header::AUTHORIZATION, bearer);
            }
        }
        let endpoint = push.config.push_config.as_ref();
        let url = endpoint.map_or("", |push| &push.push_endpoint);
        let request = self.client.post(url).headers(headers).body(body);
        let answer = request.timeout(push.timeout).send().await;
        let acknowledged = match &answer {
            // The service's list of codes; 102 does not end a request in today's HTTP.
            Ok(answer) => matches!(answer.status().as_u16(), 102 | 200 | 201 | 202 | 204),
            Err(error) => {
                let subscription = &push.config.name;
                tracing::debug!(subscription, %error, "a push got no answer");
                false
            }
        };
        if let Some(broker) = self.broker.upgrade() {
            broker.change_soon(|state, changes| state.finish(&push, acknowledged, changes));
            broker.push_wake.notify_one();
        }
        if let Ok(answer) = answer {
            drain(answer).await;
        }
    }
}

async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while read < ANSWER_MAX_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) | Err(_) => return,
        }
    }
}
