//! Delivery faults on request, within what Pub/Sub allows: duplicates, and reversed order.

use super::backlog::LeasedMessage;
use crate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// Maximum of extra copies of one message; no test needs more.
const TIMES_MAX: u32 = 100;
/// How long messages are collected before they are delivered in reverse, in wall-clock milliseconds.
const COLLECT_MS: f64 = 200.0;

/// The delivery faults of a subscription. Messages with ordering keys keep their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DeliveryFaults {
    /// Extra copies of a message on its first delivery, all at once.
    pub(super) times: u32,
    /// Whether every message is duplicated, or only the next one.
    pub(super) every: bool,
    /// Whether messages are collected for a moment and then delivered newest first.
    pub(super) reverse: bool,
}

impl DeliveryFaults {
    /// When a message that arrives now is due.
    pub(super) fn due(self, now: DateTime<Utc>, clock: &Clock) -> DateTime<Utc> {
        if !self.reverse {
            return now;
        }
        // All messages that arrive within one interval are due at its end.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an interval of milliseconds; the fraction does not matter"
        )]
        let span_ms = ((COLLECT_MS * clock.speed()) as i64).max(1);
        let into_ms = now.timestamp_millis().rem_euclid(span_ms);
        now + TimeDelta::milliseconds(span_ms - into_ms)
    }

    /// The batch to deliver instead of `batch`.
    pub(super) fn apply(&mut self, mut batch: Vec<LeasedMessage>) -> Vec<LeasedMessage> {
        if self.reverse {
            // Messages with keys keep their index; the others are permuted among themselves.
            let slots: Vec<usize> = (0..batch.len())
                .filter(|slot| is_free(batch.get(*slot)))
                .collect();
            for (low, high) in slots.iter().zip(slots.iter().rev()) {
                if low >= high {
                    break;
                }
                batch.swap(*low, *high);
            }
        }
        batch
            .into_iter()
            .flat_map(|delivery| self.copies(delivery))
            .collect()
    }

    fn copies(&mut self, delivery: LeasedMessage) -> Vec<LeasedMessage> {
        if delivery.attempt > 1 || self.times == 0 {
            return vec![delivery];
        }
        let copies = (1..=self.times.min(TIMES_MAX)).map(|copy| LeasedMessage {
            ack_id: format!("{}-{copy}", delivery.ack_id),
            ..delivery.clone()
        });
        let all = std::iter::once(delivery.clone()).chain(copies).collect();
        if !self.every {
            self.times = 0;
        }
        all
    }
}

fn is_free(delivery: Option<&LeasedMessage>) -> bool {
    delivery.is_some_and(|delivery| delivery.message.ordering_key.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn batch(keys: &[&str]) -> Vec<LeasedMessage> {
        (1..)
            .zip(keys)
            .map(|(id, key)| LeasedMessage {
                ack_id: format!("{id}-1"),
                attempt: 1,
                message: Arc::new(super::super::proto::PubsubMessage {
                    ordering_key: (*key).to_owned(),
                    ..Default::default()
                }),
            })
            .collect()
    }

    #[track_caller]
    fn check(mut delivery_faults: DeliveryFaults, keys: &[&str], ack_ids: &[&str]) {
        let out = delivery_faults.apply(batch(keys));
        let out: Vec<&str> = out.iter().map(|it| it.ack_id.as_str()).collect();
        assert_eq!(out, ack_ids, "{delivery_faults:?}");
    }

    #[test]
    fn messages_are_duplicated_and_reversed() {
        let none = DeliveryFaults::default();
        let twice = DeliveryFaults {
            times: 1,
            every: true,
            ..none
        };
        let next_twice = DeliveryFaults { times: 1, ..none };
        let reverse = DeliveryFaults {
            reverse: true,
            ..none
        };
        check(none, &["", ""], &["1-1", "2-1"]);
        check(twice, &["", ""], &["1-1", "1-1-1", "2-1", "2-1-1"]);
        check(next_twice, &["", ""], &["1-1", "1-1-1", "2-1"]);
        check(reverse, &["", "", ""], &["3-1", "2-1", "1-1"]);
        check(reverse, &["k", "", "k", ""], &["1-1", "4-1", "3-1", "2-1"]);
    }

    #[test]
    fn collected_messages_are_due_together() {
        let reverse = DeliveryFaults {
            reverse: true,
            ..DeliveryFaults::default()
        };
        let clock = Clock::starting_now(1.0);
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        assert_eq!(reverse.due(at(1001), &clock), at(1200));
        assert_eq!(reverse.due(at(1199), &clock), at(1200));
        assert_eq!(reverse.due(at(1200), &clock), at(1400));
        assert_eq!(DeliveryFaults::default().due(at(1001), &clock), at(1001));
    }
}
