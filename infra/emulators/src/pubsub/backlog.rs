//! The undelivered messages of one subscription, as a state machine: leases, back-off, order.
//!
//! No clock and no I/O: every step takes the time and returns what changed. There are two times.
//! Back-off and retention are *simulated*, so that an hour of retries fits a demonstration.
//! Leases are *wall-clock* time: the work that a lease gives time for takes equally long however
//! fast the simulated clock runs.

#[cfg(test)]
mod guarantees;
mod lane;
mod lease;
mod message_state;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::PubsubMessage;

pub(super) use self::lease::{Failed, Held, Holder, Id, LeasedMessage, Now, Want};
use self::{lane::Lane, lease::parse, message_state::MessageState};
use super::rules::Rules;

/// One message and its state.
#[derive(Debug, Clone)]
pub(super) struct BacklogEntry {
    pub(super) message: Arc<PubsubMessage>,
    pub(super) published: DateTime<Utc>,
    pub(super) attempts: i32,
    /// The number of the only delivery that can still be acknowledged.
    delivery: Option<u64>,
    state: MessageState,
}

/// The messages of one subscription.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: BTreeMap<Id, BacklogEntry>,
    /// What may be leased, and when: all messages without a key, and the next one of each key.
    waiting: BTreeSet<(DateTime<Utc>, Id)>,
    leases: BTreeSet<(Instant, Id)>,
    lanes: HashMap<String, Lane>,
    held: HashMap<Holder, Held>,
    deliveries: u64,
    ordered: bool,
}

impl Backlog {
    /// An empty backlog; `ordered` turns ordering keys on.
    pub(super) fn new(ordered: bool) -> Self {
        Self {
            ordered,
            ..Self::default()
        }
    }

    /// Adds a message that is due at `due`, after `attempts` deliveries by an earlier process.
    pub(super) fn offer(
        &mut self,
        id: Id,
        message: Arc<PubsubMessage>,
        published: DateTime<Utc>,
        due: DateTime<Utc>,
        attempts: i32,
    ) {
        let state = MessageState::Waiting(due);
        let entry = BacklogEntry {
            message,
            published,
            attempts,
            delivery: None,
            state,
        };
        self.entries.insert(id, entry);
        self.shift(id, Some(state));
    }

    /// Adds a message that was acknowledged and is kept for a seek.
    pub(super) fn offer_acked(
        &mut self,
        id: Id,
        message: Arc<PubsubMessage>,
        published: DateTime<Utc>,
    ) {
        self.offer(id, message, published, published, 0);
        self.shift(id, Some(MessageState::Acked));
    }

    /// Leases what is due, in order, up to the limits of `want`.
    pub(super) fn lease(&mut self, now: Now, want: Want) -> Vec<LeasedMessage> {
        let mut out = Vec::new();
        let mut bytes = 0;
        let mut from = (DateTime::<Utc>::MIN_UTC, Id::MIN);
        while out.len() < want.messages {
            let next = self.waiting.range(from..=(now.simulated, Id::MAX)).next();
            let Some(&(due, id)) = next else { break };
            from = (due, id.saturating_add(1));
            if self.lane_is_closed(id, want.holder) {
                continue;
            }
            let held = self.held(want.holder).messages;
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            bytes += size(&entry.message);
            if bytes > want.bytes && held > 0 {
                break;
            }
            self.deliveries += 1;
            entry.attempts += 1;
            entry.delivery = Some(self.deliveries);
            out.push(LeasedMessage {
                ack_id: format!("{id}-{}", self.deliveries),
                attempt: entry.attempts,
                message: Arc::clone(&entry.message),
            });
            let until = now.wall + want.lease;
            let holder = want.holder;
            self.shift(id, Some(MessageState::Leased { until, holder }));
        }
        out
    }

    /// Acknowledges a delivery; returns the message that left the backlog.
    ///
    /// A late acknowledgement counts too, as in the service, unless the message was delivered again
    /// or taken back to keep the order of its key.
    pub(super) fn ack(&mut self, ack_id: &str, rules: &Rules) -> Option<Id> {
        let id = self.delivered(ack_id)?;
        self.shift(id, rules.retain_acked.then_some(MessageState::Acked));
        Some(id)
    }

    /// Refuses a delivery: its message becomes due again after its back-off.
    pub(super) fn nack(&mut self, ack_id: &str, now: Now, rules: &Rules) -> Option<Failed> {
        let id = self.delivered(ack_id)?;
        let entry = self.entries.get_mut(&id)?;
        if !matches!(entry.state, MessageState::Leased { .. }) {
            return None;
        }
        entry.delivery = None;
        self.fail(id, now, rules)
    }

    /// Moves a delivery's deadline.
    pub(super) fn extend(&mut self, ack_id: &str, until: Instant) {
        let Some(id) = self.delivered(ack_id) else {
            return;
        };
        if let Some(MessageState::Leased { holder, .. }) =
            self.entries.get(&id).map(|entry| entry.state)
        {
            self.shift(id, Some(MessageState::Leased { until, holder }));
        }
    }

    /// Ends every lease that has expired.
    pub(super) fn expire_leases(&mut self, now: Now, rules: &Rules) -> Vec<Failed> {
        let mut failed = Vec::new();
        while let Some(&(until, id)) = self.leases.first() {
            if until > now.wall {
                break;
            }
            failed.extend(self.fail(id, now, rules));
        }
        failed
    }

    /// Drops what was published before `limit`; returns which messages.
    pub(super) fn expire(&mut self, limit: DateTime<Utc>) -> Vec<Id> {
        // Ids and publish times increase together.
        let old: Vec<Id> = self
            .entries
            .iter()
            .take_while(|(_, entry)| entry.published < limit)
            .map(|(id, _)| *id)
            .collect();
        for id in &old {
            self.shift(*id, None);
        }
        old
    }

    /// Marks what was published before `time` as acknowledged, and the kept rest as unacknowledged.
    ///
    /// Returns the messages that changed: removed, or with another [`Backlog::is_acked`].
    pub(super) fn seek(&mut self, time: DateTime<Utc>, now: Now, rules: &Rules) -> Vec<Id> {
        let all: Vec<(Id, bool, bool)> = self
            .entries
            .iter()
            .map(|(id, entry)| {
                (
                    *id,
                    entry.published < time,
                    entry.state == MessageState::Acked,
                )
            })
            .collect();
        let mut changed = Vec::new();
        for (id, before, acked) in all {
            match (before, acked) {
                (true, false) => self.shift(id, rules.retain_acked.then_some(MessageState::Acked)),
                (false, true) => self.shift(id, Some(MessageState::Waiting(now.simulated))),
                (true, true) | (false, false) => continue,
            }
            changed.push(id);
        }
        changed
    }

    /// Removes a message.
    pub(super) fn remove(&mut self, id: Id) {
        self.shift(id, None);
    }

    /// The message with that number.
    pub(super) fn get(&self, id: Id) -> Option<&BacklogEntry> {
        self.entries.get(&id)
    }

    /// Whether the message is kept for a seek only.
    pub(super) fn is_acked(&self, id: Id) -> bool {
        self.get(id)
            .is_some_and(|entry| entry.state == MessageState::Acked)
    }

    /// The numbers of all messages, in the order of publishing.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        self.entries.keys().copied()
    }

    /// What is leased to `holder`.
    pub(super) fn held(&self, holder: Holder) -> Held {
        self.held.get(&holder).copied().unwrap_or_default()
    }

    /// When the next message becomes due.
    pub(super) fn next_due(&self, now: Now) -> Option<DateTime<Utc>> {
        let later = (now.simulated, Id::MAX);
        self.waiting.range(later..).next().map(|(due, _)| *due)
    }

    /// When the oldest message was published, acknowledged ones included.
    pub(super) fn oldest(&self) -> Option<DateTime<Utc>> {
        self.entries.values().next().map(|entry| entry.published)
    }

    /// When the next lease expires.
    pub(super) fn next_lease_end(&self) -> Option<Instant> {
        self.leases.first().map(|(until, _)| *until)
    }

    /// Messages that are leased to any holder.
    pub(super) fn outstanding(&self) -> usize {
        self.leases.len()
    }

    /// The number of unacknowledged messages, and when the oldest of them was published.
    pub(super) fn undelivered(&self) -> (usize, Option<DateTime<Utc>>) {
        let mut open = self
            .entries
            .values()
            .filter(|entry| entry.state != MessageState::Acked);
        let oldest = open.next().map(|entry| entry.published);
        (usize::from(oldest.is_some()) + open.count(), oldest)
    }

    /// The message whose last delivery has this `ack_id`.
    fn delivered(&self, ack_id: &str) -> Option<Id> {
        let (id, delivery) = parse(ack_id)?;
        let entry = self.entries.get(&id)?;
        (entry.delivery == Some(delivery) && entry.state != MessageState::Acked).then_some(id)
    }

    /// Returns a leased message to the backlog, with its back-off, and what was leased after it.
    fn fail(&mut self, id: Id, now: Now, rules: &Rules) -> Option<Failed> {
        let entry = self.entries.get(&id)?;
        let attempts = entry.attempts;
        let due = now.simulated + rules.backoff.rest(attempts);
        let key = entry.message.ordering_key.clone();
        self.shift(id, Some(MessageState::Waiting(due)));
        let tail = self.lanes.get(&key).map(|lane| lane.leased_after(id));
        for later in tail.unwrap_or_default() {
            if let Some(entry) = self.entries.get_mut(&later) {
                entry.delivery = None;
            }
            self.shift(later, Some(MessageState::Waiting(now.simulated)));
        }
        let exhausted = rules
            .dead_letter
            .as_ref()
            .is_some_and(|policy| attempts >= policy.attempts_max);
        Some(Failed {
            id,
            attempts,
            exhausted,
        })
    }
}

/// The size of a message for flow control.
fn size(message: &PubsubMessage) -> usize {
    prost::Message::encoded_len(message)
}
