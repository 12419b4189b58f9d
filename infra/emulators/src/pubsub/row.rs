//! The rows of [`Db`] with topics, subscriptions and messages.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use prost::Message as _;

use super::backlog::Id;
use crate::db::{self, Db, DbChange};

const TOPICS: &str = "pubsub_topics";
const SUBSCRIPTIONS: &str = "pubsub_subscriptions";
/// One row for each message of each subscription: acknowledging it deletes one row.
const MESSAGES: &str = "pubsub_messages";
/// In a table of its own, so that a refusal does not write ten megabytes again.
const ATTEMPTS: &str = "pubsub_attempts";
const COUNTERS: &str = "pubsub_counters";
const LAST_ID: &str = "last_id";

#[derive(Clone, PartialEq, prost::Message)]
struct MessageRow {
    #[prost(message, optional, tag = "1")]
    message: Option<proto::PubsubMessage>,
    #[prost(bool, tag = "2")]
    acked: bool,
}

/// What an earlier process stored.
#[derive(Debug, Default)]
pub(super) struct StoredState {
    /// Every topic.
    pub(super) topics: Vec<proto::Topic>,
    /// Every subscription.
    pub(super) subscriptions: Vec<proto::Subscription>,
    /// Every message, by subscription, in the order of publishing.
    pub(super) messages: BTreeMap<String, Vec<StoredMessage>>,
    /// The number of the last message published.
    pub(super) last_id: Id,
}

/// One message of one subscription.
#[derive(Debug)]
pub(super) struct StoredMessage {
    /// Its number.
    pub(super) id: Id,
    /// The message.
    pub(super) message: proto::PubsubMessage,
    /// How often it was delivered without an acknowledgement.
    pub(super) attempts: i32,
    /// Whether it is kept for a seek only.
    pub(super) acked: bool,
}

impl StoredState {
    /// Reads everything back; an unreadable row is logged and skipped.
    pub(super) fn read(db: &Db) -> Result<Self, db::Error> {
        let mut attempts = BTreeMap::new();
        for (key, value) in db.scan(ATTEMPTS)? {
            if let Ok(bytes) = <[u8; 4]>::try_from(value.as_slice()) {
                attempts.insert(key, i32::from_be_bytes(bytes));
            }
        }
        let mut messages: BTreeMap<String, Vec<StoredMessage>> = BTreeMap::new();
        for (key, value) in db.scan(MESSAGES)? {
            let Some((subscription, id)) = key.rsplit_once('/') else {
                continue;
            };
            let row: Option<MessageRow> = decode(MESSAGES, &key, &value);
            if let (Ok(id), Some(row)) = (id.parse(), row) {
                messages
                    .entry(subscription.to_owned())
                    .or_default()
                    .push(StoredMessage {
                        id,
                        message: row.message.unwrap_or_default(),
                        attempts: attempts.get(&key).copied().unwrap_or_default(),
                        acked: row.acked,
                    });
            }
        }
        let counters = db.scan(COUNTERS)?;
        let last_id = counters.iter().find(|(key, _)| key == LAST_ID);
        let last_id = last_id.and_then(|(_, value)| <[u8; 8]>::try_from(value.as_slice()).ok());
        Ok(Self {
            topics: decode_all(db, TOPICS)?,
            subscriptions: decode_all(db, SUBSCRIPTIONS)?,
            messages,
            last_id: last_id.map_or(0, Id::from_be_bytes),
        })
    }
}

impl StoredMessage {
    /// When it was published.
    pub(super) fn published(&self) -> DateTime<Utc> {
        let time = self.message.publish_time.unwrap_or_default();
        DateTime::from_timestamp(time.seconds, time.nanos.unsigned_abs()).unwrap_or_default()
    }
}

fn decode_all<M: prost::Message + Default>(
    db: &Db,
    table: &'static str,
) -> Result<Vec<M>, db::Error> {
    let rows = db.scan(table)?;
    Ok(rows
        .iter()
        .filter_map(|(key, value)| decode(table, key, value))
        .collect())
}

fn decode<M: prost::Message + Default>(table: &str, key: &str, value: &[u8]) -> Option<M> {
    M::decode(value)
        .inspect_err(|error| tracing::error!(table, key, %error, "skipped an unreadable row"))
        .ok()
}

/// Stores a topic.
pub(super) fn topic(topic: &proto::Topic) -> DbChange {
    put(TOPICS, topic.name.clone(), topic.encode_to_vec())
}

/// Deletes a topic.
pub(super) fn no_topic(name: &str) -> DbChange {
    delete(TOPICS, name.to_owned())
}

/// Stores a subscription.
pub(super) fn subscription(config: &proto::Subscription) -> DbChange {
    put(SUBSCRIPTIONS, config.name.clone(), config.encode_to_vec())
}

/// Deletes a subscription.
pub(super) fn no_subscription(name: &str) -> DbChange {
    delete(SUBSCRIPTIONS, name.to_owned())
}

/// Stores a message of a subscription.
pub(super) fn message(
    subscription: &str,
    id: Id,
    message: &proto::PubsubMessage,
    acked: bool,
) -> DbChange {
    let row = MessageRow {
        message: Some(message.clone()),
        acked,
    };
    put(MESSAGES, key(subscription, id), row.encode_to_vec())
}

/// Deletes a message of a subscription.
pub(super) fn no_message(subscription: &str, id: Id) -> [DbChange; 2] {
    let key = key(subscription, id);
    [delete(MESSAGES, key.clone()), delete(ATTEMPTS, key)]
}

/// Stores how often a message was delivered.
pub(super) fn attempts(subscription: &str, id: Id, attempts: i32) -> DbChange {
    let value = attempts.to_be_bytes().to_vec();
    put(ATTEMPTS, key(subscription, id), value)
}

/// Stores the number of the last message.
pub(super) fn last_id(id: Id) -> DbChange {
    put(COUNTERS, LAST_ID.to_owned(), id.to_be_bytes().to_vec())
}

fn key(subscription: &str, id: Id) -> String {
    format!("{subscription}/{id:020}")
}

fn put(table: &'static str, key: String, value: Vec<u8>) -> DbChange {
    DbChange::Put { table, key, value }
}

fn delete(table: &'static str, key: String) -> DbChange {
    DbChange::Delete { table, key }
}
