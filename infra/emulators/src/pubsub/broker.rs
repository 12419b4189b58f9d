//! All topics and subscriptions behind one lock, and the ways to change them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use tokio::sync::Notify;
use tonic::Status;

use super::{
    backlog::{Failed, Holder, Id, Now},
    delivery_faults::DeliveryFaults,
    name,
    queue::Queue,
    row::{self, StoredState},
    rules::Rules,
    write_behind::WriteBehind,
};
use crate::{
    clock::Clock,
    db::{self, Db, DbChange},
};

/// All state, shared by calls and by the push loop.
#[derive(Debug)]
pub(super) struct Broker {
    state: Mutex<State>,
    write_behind: WriteBehind,
    /// Notified when the push loop may have something to do.
    pub(super) push_wake: Arc<Notify>,
    pub(super) driver: OnceLock<tokio::task::AbortHandle>,
}

/// Topics and subscriptions.
#[derive(Debug)]
pub(super) struct State {
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) clock: Clock,
    /// Delivery faults for subscriptions that are created later.
    pub(super) delivery_faults: DeliveryFaults,
    last_id: Id,
    last_holder: u64,
}

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) config: proto::Topic,
    /// Messages published since the start.
    pub(super) published: u64,
}

impl Broker {
    /// Reads back what an earlier process left in `db`.
    pub(super) fn open(db: Db, clock: Clock) -> Result<Self, db::Error> {
        let state = State::restore(StoredState::read(&db)?, clock);
        Ok(Self {
            state: Mutex::new(state),
            write_behind: WriteBehind::start(db),
            push_wake: Arc::default(),
            driver: OnceLock::new(),
        })
    }

    /// Makes a change and waits until it is stored.
    pub(super) async fn change<T>(
        &self,
        act: impl FnOnce(&mut State, &mut Vec<DbChange>) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let (outcome, receipt) = {
            let mut state = self.lock();
            let mut changes = Vec::new();
            let outcome = act(&mut state, &mut changes)?;
            // Under the lock, so that the store sees changes in the order in which they happen.
            (outcome, self.write_behind.write(changes))
        };
        self.push_wake.notify_one();
        receipt.kept().await?;
        Ok(outcome)
    }

    /// Makes a change that is stored soon, for callers that need not wait.
    pub(super) fn change_soon<T>(
        &self,
        act: impl FnOnce(&mut State, &mut Vec<DbChange>) -> T,
    ) -> T {
        let mut state = self.lock();
        let mut changes = Vec::new();
        let outcome = act(&mut state, &mut changes);
        drop(self.write_behind.write(changes));
        outcome
    }

    /// Reads without changing.
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.get() {
            driver.abort();
        }
    }
}

impl State {
    fn restore(stored: StoredState, clock: Clock) -> Self {
        let mut state = Self {
            topics: BTreeMap::new(),
            queues: BTreeMap::new(),
            clock,
            delivery_faults: DeliveryFaults::default(),
            last_id: stored.last_id,
            last_holder: 0,
        };
        for config in stored.topics {
            let name = config.name.clone();
            state.topics.insert(name, Topic::new(config));
        }
        for mut config in stored.subscriptions {
            match Rules::validate(&mut config) {
                Ok(rules) => {
                    let queue = Queue::new(config, rules, DeliveryFaults::default());
                    state.queues.insert(queue.config.name.clone(), queue);
                }
                Err(status) => {
                    tracing::error!(subscription = config.name, %status, "left out a subscription");
                }
            }
        }
        let now = state.clock.now();
        for (subscription, messages) in stored.messages {
            let Some(queue) = state.queues.get_mut(&subscription) else {
                continue;
            };
            for stored in messages {
                let published = stored.published();
                let message = Arc::new(stored.message);
                let backlog = &mut queue.backlog;
                if stored.acked {
                    backlog.offer_acked(stored.id, message, published);
                } else {
                    backlog.offer(stored.id, message, published, now, stored.attempts);
                }
            }
        }
        state
    }

    /// The time, on both clocks.
    pub(super) fn now(&self) -> Now {
        Now {
            simulated: self.clock.now(),
            wall: Instant::now(),
        }
    }

    /// A holder for a new pull.
    pub(super) fn new_holder(&mut self) -> Holder {
        self.last_holder += 1;
        Holder::Pull(self.last_holder)
    }

    /// Puts a message on an existing topic, and into every subscription whose filter it passes.
    pub(super) fn put(
        &mut self,
        topic: &str,
        mut message: proto::PubsubMessage,
        changes: &mut Vec<DbChange>,
    ) -> Id {
        self.last_id += 1;
        let id = self.last_id;
        let published = milliseconds(self.clock.now());
        message.message_id = id.to_string();
        message.publish_time = Some(prost_types::Timestamp {
            seconds: published.timestamp(),
            nanos: i32::try_from(published.timestamp_subsec_nanos()).unwrap_or_default(),
        });
        let message = Arc::new(message);
        changes.push(row::last_id(id));
        if let Some(topic) = self.topics.get_mut(topic) {
            topic.published += 1;
        }
        for queue in self.queues.values_mut() {
            let config = &queue.config;
            let is_subscribed = config.topic == topic && !config.detached;
            if is_subscribed && queue.rules.filter.matches(&message.attributes) {
                changes.push(row::message(&config.name, id, &message, false));
                let due = queue.delivery_faults.due(published, &self.clock);
                let message = Arc::clone(&message);
                queue.backlog.offer(id, message, published, due, 0);
                queue.wake.notify_waiters();
            }
        }
        id
    }

    /// The subscription, if it can be read from.
    pub(super) fn open_queue(&mut self, subscription: &str) -> Result<&mut Queue, Status> {
        let queue = self
            .queues
            .get_mut(subscription)
            .ok_or_else(|| name::not_found(subscription))?;
        if queue.config.detached {
            let message = format!("Subscription is detached (resource={subscription}).");
            return Err(Status::failed_precondition(message));
        }
        Ok(queue)
    }

    /// Ends expired leases of a subscription, and drops messages older than its retention.
    pub(super) fn refresh(&mut self, subscription: &str, now: Now, changes: &mut Vec<DbChange>) {
        let Some(queue) = self.queues.get_mut(subscription) else {
            return;
        };
        let limit = now.simulated - queue.rules.retention;
        for id in queue.backlog.expire(limit) {
            changes.extend(row::no_message(subscription, id));
        }
        let failed = queue.backlog.expire_leases(now, &queue.rules);
        self.fail(subscription, failed, changes);
    }

    /// Stores the attempts of failed deliveries, and moves those that failed too often.
    pub(super) fn fail(
        &mut self,
        subscription: &str,
        failed: impl IntoIterator<Item = Failed>,
        changes: &mut Vec<DbChange>,
    ) {
        for failed in failed {
            if failed.exhausted && self.dead_letter(subscription, failed, changes) {
                continue;
            }
            changes.push(row::attempts(subscription, failed.id, failed.attempts));
            if let Some(queue) = self.queues.get(subscription) {
                queue.wake.notify_waiters();
            }
        }
    }

    /// Moves a message to the dead-letter topic; if that is missing, the message stays.
    fn dead_letter(
        &mut self,
        subscription: &str,
        failed: Failed,
        changes: &mut Vec<DbChange>,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(subscription) else {
            return false;
        };
        let policy = queue.rules.dead_letter.as_ref();
        let (Some(policy), Some(entry)) = (policy, queue.backlog.get(failed.id)) else {
            return false;
        };
        if !self.topics.contains_key(&policy.topic) {
            tracing::warn!(
                subscription,
                topic = policy.topic,
                "the dead-letter topic does not exist"
            );
            return false;
        }
        let topic = policy.topic.clone();
        let mut message = proto::PubsubMessage::clone(&entry.message);
        let count = failed.attempts.to_string();
        let time = super::envelope::publish_time(&message);
        let facts = [
            ("DeliveryCount", count.as_str()),
            ("Subscription", name::id(subscription)),
            ("SubscriptionProject", name::project(subscription)),
            ("TopicPublishTime", &time),
        ];
        for (fact, value) in facts {
            let key = format!("CloudPubSubDeadLetterSource{fact}");
            message.attributes.insert(key, value.to_owned());
        }
        queue.backlog.remove(failed.id);
        queue.wake.notify_waiters();
        changes.extend(row::no_message(subscription, failed.id));
        self.put(&topic, message, changes);
        true
    }
}

impl Topic {
    /// A topic on which nothing was published yet.
    pub(super) fn new(config: proto::Topic) -> Self {
        Self {
            config,
            published: 0,
        }
    }
}

/// The service rounds publish times to milliseconds.
fn milliseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}
