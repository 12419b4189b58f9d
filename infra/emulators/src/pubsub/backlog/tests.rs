//! The backlog, step by step.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::pubsub::proto;

const LEASE: Duration = Duration::from_secs(10);
pub(super) const A: Holder = Holder::Pull(1);
pub(super) const B: Holder = Holder::Pull(2);

/// A backlog with its rules and its time.
pub(super) struct Bench {
    pub(super) backlog: Backlog,
    rules: Rules,
    now: Now,
    last_id: Id,
}

impl Bench {
    fn new(change: impl FnOnce(&mut proto::Subscription)) -> Self {
        let mut config = proto::Subscription {
            name: "projects/demo/subscriptions/sub".to_owned(),
            retry_policy: Some(proto::RetryPolicy {
                minimum_backoff: Some(seconds(1)),
                maximum_backoff: Some(seconds(10)),
            }),
            ..Default::default()
        };
        change(&mut config);
        let rules = Rules::settle(&mut config).unwrap();
        Self {
            backlog: Backlog::new(rules.ordered),
            rules,
            now: Now {
                simulated: DateTime::from_timestamp_millis(1_000_000).unwrap(),
                wall: Instant::now(),
            },
            last_id: 0,
        }
    }

    pub(super) fn ordered() -> Self {
        Self::new(|config| config.enable_message_ordering = true)
    }

    pub(super) fn offer(&mut self, key: &str) -> Id {
        self.last_id += 1;
        let message = PubsubMessage {
            data: vec![0; 100],
            ordering_key: key.to_owned(),
            ..Default::default()
        };
        let now = self.now.simulated;
        let message = Arc::new(message);
        self.backlog.offer(self.last_id, message, now, now, 0);
        self.last_id
    }

    pub(super) fn lease_up_to(&mut self, holder: Holder, messages: usize) -> Vec<Delivery> {
        let want = Want {
            holder,
            messages,
            bytes: usize::MAX,
            lease: LEASE,
        };
        self.backlog.lease(self.now, want)
    }

    /// Leases all it can; returns the messages and their ack ids.
    fn lease(&mut self, holder: Holder) -> Vec<(Id, String)> {
        let batch = self.lease_up_to(holder, usize::MAX);
        let ids = batch
            .into_iter()
            .map(|it| (parse(&it.ack_id).unwrap().0, it.ack_id));
        ids.collect()
    }

    #[track_caller]
    fn leases(&mut self, holder: Holder, ids: &[Id]) -> Vec<String> {
        let (found, ack_ids): (Vec<Id>, Vec<String>) = self.lease(holder).into_iter().unzip();
        assert_eq!(found, ids, "leased to {holder:?}");
        ack_ids
    }

    pub(super) fn ack(&mut self, ack_id: &str) -> Option<Id> {
        self.backlog.ack(ack_id, &self.rules)
    }

    pub(super) fn nack(&mut self, ack_id: &str) -> Option<Failed> {
        self.backlog.nack(ack_id, self.now, &self.rules)
    }

    pub(super) fn lapse(&mut self) -> Vec<Failed> {
        self.backlog.lapse(self.now, &self.rules)
    }

    pub(super) fn pass(&mut self, simulated_ms: i64, wall_ms: u64) {
        self.now.simulated += TimeDelta::milliseconds(simulated_ms);
        self.now.wall += Duration::from_millis(wall_ms);
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

#[test]
fn a_leased_message_is_redelivered_only_after_its_lease_and_its_back_off() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    bench.leases(A, &[1]);
    bench.leases(B, &[]);
    bench.pass(3_600_000, 9_999);
    assert!(
        bench.lapse().is_empty(),
        "an hour of simulated time does not end a lease"
    );
    bench.pass(0, 1);
    assert_eq!(bench.lapse().len(), 1);
    bench.leases(B, &[]);
    assert_eq!(
        bench.backlog.next_due(bench.now),
        Some(bench.now.simulated + TimeDelta::seconds(1))
    );
    bench.pass(1_000, 0);
    bench.leases(B, &[1]);
}

#[test]
fn each_refusal_doubles_the_back_off() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    for rest_ms in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
        let ack_id = bench.leases(A, &[1]).remove(0);
        assert!(bench.nack(&ack_id).is_some());
        assert_eq!(bench.nack(&ack_id), None, "already refused");
        bench.pass(rest_ms - 1, 0);
        bench.leases(A, &[]);
        bench.pass(1, 0);
    }
}

#[test]
fn refusals_and_expired_leases_together_exhaust_a_message() {
    let mut bench = Bench::new(|config| {
        config.dead_letter_policy = Some(proto::DeadLetterPolicy {
            dead_letter_topic: "projects/demo/topics/dead".to_owned(),
            max_delivery_attempts: 5,
        });
    });
    bench.offer("");
    for attempt in 1..=6 {
        let ack_id = bench.leases(A, &[1]).remove(0);
        let failed = if attempt % 2 == 0 {
            bench.nack(&ack_id).unwrap()
        } else {
            bench.pass(0, 10_000);
            bench.lapse().remove(0)
        };
        let expected = Failed {
            id: 1,
            attempts: attempt,
            exhausted: attempt >= 5,
        };
        assert_eq!(failed, expected);
        bench.pass(600_000, 0);
    }
}

#[test]
fn a_late_acknowledgement_counts_until_the_next_delivery() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    bench.offer("");
    let first = bench.leases(A, &[1, 2]);
    bench.pass(0, 10_000);
    bench.lapse();
    assert_eq!(bench.ack(&first[0]), Some(1));
    bench.pass(1_000, 0);
    let second = bench.leases(A, &[2]);
    assert_eq!(bench.ack(&first[1]), None);
    assert_eq!(bench.ack(&second[0]), Some(2));
    assert_eq!(bench.backlog.undelivered(), (0, None));
}

#[test]
fn an_extension_moves_the_deadline_either_way() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    let ack_id = bench.leases(A, &[1]).remove(0);
    bench.backlog.extend(&ack_id, bench.now.wall + LEASE * 6);
    bench.pass(0, 59_999);
    assert!(bench.lapse().is_empty());
    bench.backlog.extend(&ack_id, bench.now.wall);
    assert_eq!(bench.lapse().len(), 1);
}

#[test]
fn a_pull_gets_several_messages_of_a_key_and_others_wait_for_it() {
    let mut bench = Bench::ordered();
    for key in ["k", "k", "l", "k"] {
        bench.offer(key);
    }
    let first = bench.lease_up_to(A, 2);
    assert_eq!(first.len(), 2);
    bench.leases(B, &[3]);
    bench.leases(A, &[4]);
    bench.offer("k");
    bench.leases(B, &[]);
    bench.leases(A, &[5]);
}

#[test]
fn a_refusal_takes_back_what_was_delivered_after_it() {
    let mut bench = Bench::ordered();
    for key in ["k", "k", "k", "l"] {
        bench.offer(key);
    }
    let ack_ids = bench.leases(A, &[1, 2, 3, 4]);
    assert_eq!(bench.ack(&ack_ids[0]), Some(1));
    assert!(bench.nack(&ack_ids[1]).is_some());
    assert_eq!(bench.ack(&ack_ids[2]), None, "taken back");
    assert_eq!(bench.ack(&ack_ids[3]), Some(4), "another key");
    bench.leases(B, &[]);
    bench.pass(1_000, 0);
    bench.leases(B, &[2, 3]);
}

#[test]
fn a_push_gets_one_message_of_a_key_at_a_time() {
    let mut bench = Bench::ordered();
    for key in ["k", "k", "", ""] {
        bench.offer(key);
    }
    let ack_ids = bench.leases(Holder::Push, &[1, 3, 4]);
    bench.leases(Holder::Push, &[]);
    bench.ack(&ack_ids[0]);
    bench.leases(Holder::Push, &[2]);
}

#[test]
fn keys_have_no_effect_without_ordering() {
    let mut bench = Bench::new(|_| {});
    for key in ["k", "k"] {
        bench.offer(key);
    }
    bench.leases(Holder::Push, &[1, 2]);
}

#[test]
fn bytes_limit_what_a_holder_has_but_one_message_always_fits() {
    let mut bench = Bench::new(|_| {});
    for _ in 0..3 {
        bench.offer("");
    }
    let want = |bytes| Want {
        holder: A,
        messages: 9,
        bytes,
        lease: LEASE,
    };
    assert_eq!(bench.backlog.lease(bench.now, want(10)).len(), 1);
    assert_eq!(bench.backlog.lease(bench.now, want(10)).len(), 0);
    assert_eq!(bench.backlog.lease(bench.now, want(150)).len(), 1);
    let held = bench.backlog.held(A);
    assert!(held.messages == 2 && held.bytes >= 200, "{held:?}");
}

#[test]
fn a_message_older_than_the_retention_is_dropped() {
    let mut bench = Bench::ordered();
    bench.offer("k");
    bench.pass(1_000, 0);
    bench.offer("k");
    let limit = bench.now.simulated;
    assert_eq!(bench.backlog.expire(limit), [1]);
    bench.leases(A, &[2]);
}

#[test]
fn a_seek_drops_earlier_messages_and_restores_kept_ones() {
    let mut bench = Bench::new(|config| config.retain_acked_messages = true);
    let start = bench.now.simulated;
    bench.offer("");
    let ack_id = bench.leases(A, &[1]).remove(0);
    assert_eq!(bench.ack(&ack_id), Some(1));
    assert!(bench.backlog.is_acked(1), "kept");
    bench.pass(1_000, 0);
    bench.offer("");
    assert_eq!(bench.backlog.seek(start, bench.now, &bench.rules), [1]);
    bench.leases(A, &[1, 2]);
    let now = bench.now.simulated;
    assert_eq!(bench.backlog.seek(now, bench.now, &bench.rules), [1]);
    assert_eq!(bench.backlog.outstanding(), 1);
}
