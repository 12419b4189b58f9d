//! The state of each message, and the indexes that follow from it.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::{Backlog, Holder, Id, Lane, size};

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageState {
    Waiting(DateTime<Utc>),
    Leased {
        until: Instant,
        holder: Holder,
    },
    /// Acknowledged, and kept for a seek.
    Acked,
}

impl Backlog {
    /// Whether other holders have leased earlier messages of the same key.
    pub(super) fn lane_is_closed(&self, id: Id, holder: Holder) -> bool {
        let first = self
            .entries
            .get(&id)
            .and_then(|entry| self.lanes.get(&entry.message.ordering_key))
            .and_then(Lane::first_leased)
            .and_then(|first| self.entries.get(&first));
        match first.map(|entry| entry.state) {
            Some(MessageState::Leased { holder: other, .. }) => {
                holder == Holder::Push || other != holder
            }
            Some(MessageState::Waiting(_) | MessageState::Acked) | None => false,
        }
    }

    /// Changes the state of a message, or removes it, and updates the indexes. The only way to do so.
    pub(super) fn shift(&mut self, id: Id, to: Option<MessageState>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let bytes = size(&entry.message);
        let key = entry.message.ordering_key.clone();
        let keyed = self.ordered && !key.is_empty();
        match entry.state {
            MessageState::Waiting(due) => {
                self.waiting.remove(&(due, id));
            }
            MessageState::Leased { until, holder } => {
                self.leases.remove(&(until, id));
                if let Some(held) = self.held.get_mut(&holder) {
                    held.messages = held.messages.saturating_sub(1);
                    held.bytes = held.bytes.saturating_sub(bytes);
                }
                self.held.retain(|_, held| held.messages > 0);
            }
            MessageState::Acked => {}
        }
        match to {
            Some(MessageState::Waiting(due)) if !keyed => {
                self.waiting.insert((due, id));
            }
            Some(MessageState::Leased { until, holder }) => {
                self.leases.insert((until, id));
                let held = self.held.entry(holder).or_default();
                held.messages += 1;
                held.bytes += bytes;
            }
            Some(MessageState::Waiting(_) | MessageState::Acked) | None => {}
        }
        match to {
            Some(state) => entry.state = state,
            None => drop(self.entries.remove(&id)),
        }
        if keyed {
            self.shift_in_lane(&key, id, to);
        }
    }

    fn shift_in_lane(&mut self, key: &str, id: Id, to: Option<MessageState>) {
        let lane = self.lanes.entry(key.to_owned()).or_default();
        match to {
            Some(MessageState::Waiting(due)) => lane.wait(id, due),
            Some(MessageState::Leased { .. }) => lane.lease(id),
            Some(MessageState::Acked) | None => lane.leave(id),
        }
        let (before, after) = lane.renew_candidate();
        if let Some(before) = before {
            self.waiting.remove(&before);
        }
        match after {
            Some(after) => {
                self.waiting.insert(after);
            }
            None if lane.is_empty() => drop(self.lanes.remove(key)),
            None => {}
        }
    }
}
