//! Who asks for messages, and what changes hands.

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
    /// What the simulated cloud shows.
    pub(in super::super) simulated: DateTime<Utc>,
    /// What passes for the work at hand.
    pub(in super::super) wall: Instant,
}

/// Who holds leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Holder {
    /// The push driver: one message of an ordering key at a time.
    Push,
    /// A pull call or stream, by number: a run of messages of an ordering key, in order.
    Pull(u64),
}

/// What a holder asks for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Want {
    /// Who asks.
    pub(in super::super) holder: Holder,
    /// How many at most.
    pub(in super::super) messages: usize,
    /// How many bytes at most; one message may exceed it when the holder has nothing else.
    pub(in super::super) bytes: usize,
    /// How long the leases are, in wall time.
    pub(in super::super) lease: Duration,
}

/// A message in someone's hands.
#[derive(Debug, Clone)]
pub(in super::super) struct Delivery {
    /// What acknowledges it.
    pub(in super::super) ack_id: String,
    /// Which attempt this is, from 1.
    pub(in super::super) attempt: i32,
    /// What is delivered.
    pub(in super::super) message: Arc<PubsubMessage>,
}

/// A delivery that was refused or ran out of time; the message waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Failed {
    /// The message.
    pub(in super::super) id: Id,
    /// How often it was delivered.
    pub(in super::super) attempts: i32,
    /// Whether it should go to the dead letters now.
    pub(in super::super) exhausted: bool,
}

/// What a holder has in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Held {
    /// Messages.
    pub(in super::super) messages: usize,
    /// Their bytes.
    pub(in super::super) bytes: usize,
}

/// The message and the delivery that an ack id names; copies of a delivery have a third part.
pub(super) fn parse(ack_id: &str) -> Option<(Id, u64)> {
    let mut parts = ack_id.split('-');
    let id = parts.next()?.parse().ok()?;
    let delivery = parts.next()?.parse().ok()?;
    Some((id, delivery))
}
