//! Leases: who asks for messages, and what is delivered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::PubsubMessage;

/// A message's number, in the order of publishing.
pub(in super::super) type Id = u64;

/// The time, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Now {
    /// The time of the simulated cloud.
    pub(in super::super) simulated: DateTime<Utc>,
    /// Wall-clock time, for leases.
    pub(in super::super) wall: Instant,
}

/// Who holds leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Holder {
    /// The push loop: one message of an ordering key at a time.
    Push,
    /// A pull call or stream, by number: several messages of an ordering key, in order.
    Pull(u64),
}

/// A request for messages.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Want {
    /// Who asks.
    pub(in super::super) holder: Holder,
    /// The maximum of messages.
    pub(in super::super) messages: usize,
    /// The maximum of bytes; one message may exceed it if the holder has no other.
    pub(in super::super) bytes: usize,
    /// The duration of the leases, in wall-clock time.
    pub(in super::super) lease: Duration,
}

/// A message that is leased.
#[derive(Debug, Clone)]
pub(in super::super) struct LeasedMessage {
    /// The id that acknowledges it.
    pub(in super::super) ack_id: String,
    /// The number of the attempt, from 1.
    pub(in super::super) attempt: i32,
    /// What is delivered.
    pub(in super::super) message: Arc<PubsubMessage>,
}

/// A delivery that was refused or whose lease expired; the message waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Failed {
    /// The message.
    pub(in super::super) id: Id,
    /// How often it was delivered.
    pub(in super::super) attempts: i32,
    /// Whether it should go to the dead-letter topic now.
    pub(in super::super) exhausted: bool,
}

/// What is leased to a holder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Held {
    /// The number of messages.
    pub(in super::super) messages: usize,
    /// The sum of their sizes.
    pub(in super::super) bytes: usize,
}

/// The message and the delivery that an ack id stands for; copies of a delivery have a third part.
pub(super) fn parse(ack_id: &str) -> Option<(Id, u64)> {
    let mut parts = ack_id.split('-');
    let id = parts.next()?.parse().ok()?;
    let delivery = parts.next()?.parse().ok()?;
    Some((id, delivery))
}
