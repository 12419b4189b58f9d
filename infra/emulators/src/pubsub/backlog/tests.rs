//! The backlog, step by step.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::pubsub::proto;

const LEASE: Duration = Duration::from_secs(10);
pub(super) const A: Holder = Holder::Pull(1);
pub(super) const B: Holder = Holder::Pull(2);

/// A backlog with its rules and its time.
pub(super) struct Fixture {
    pub(super) backlog: Backlog,
    rules: Rules,
    now: Now,
    last_id: Id,
}

impl Fixture {
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
        let rules = Rules::validate(&mut config).unwrap();
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

    pub(super) fn lease_up_to(&mut self, holder: Holder, messages: usize) -> Vec<LeasedMessage> {
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

    pub(super) fn expire_leases(&mut self) -> Vec<Failed> {
        self.backlog.expire_leases(self.now, &self.rules)
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
    let mut fixture = Fixture::new(|_| {});
    fixture.offer("");
    fixture.leases(A, &[1]);
    fixture.leases(B, &[]);
    fixture.pass(3_600_000, 9_999);
    assert!(
        fixture.expire_leases().is_empty(),
        "an hour of simulated time does not end a lease"
    );
    fixture.pass(0, 1);
    assert_eq!(fixture.expire_leases().len(), 1);
    fixture.leases(B, &[]);
    assert_eq!(
        fixture.backlog.next_due(fixture.now),
        Some(fixture.now.simulated + TimeDelta::seconds(1))
    );
    fixture.pass(1_000, 0);
    fixture.leases(B, &[1]);
}

#[test]
fn each_refusal_doubles_the_back_off() {
    let mut fixture = Fixture::new(|_| {});
    fixture.offer("");
    for rest_ms in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
        let ack_id = fixture.leases(A, &[1]).remove(0);
        assert!(fixture.nack(&ack_id).is_some());
        assert_eq!(fixture.nack(&ack_id), None, "already refused");
        fixture.pass(rest_ms - 1, 0);
        fixture.leases(A, &[]);
        fixture.pass(1, 0);
    }
}

#[test]
fn refusals_and_expired_leases_together_exhaust_a_message() {
    let mut fixture = Fixture::new(|config| {
        config.dead_letter_policy = Some(proto::DeadLetterPolicy {
            dead_letter_topic: "projects/demo/topics/dead".to_owned(),
            max_delivery_attempts: 5,
        });
    });
    fixture.offer("");
    for attempt in 1..=6 {
        let ack_id = fixture.leases(A, &[1]).remove(0);
        let failed = if attempt % 2 == 0 {
            fixture.nack(&ack_id).unwrap()
        } else {
            fixture.pass(0, 10_000);
            fixture.expire_leases().remove(0)
        };
        let expected = Failed {
            id: 1,
            attempts: attempt,
            exhausted: attempt >= 5,
        };
        assert_eq!(failed, expected);
        fixture.pass(600_000, 0);
    }
}

#[test]
fn a_late_acknowledgement_counts_until_the_next_delivery() {
    let mut fixture = Fixture::new(|_| {});
    fixture.offer("");
    fixture.offer("");
    let first = fixture.leases(A, &[1, 2]);
    fixture.pass(0, 10_000);
    fixture.expire_leases();
    assert_eq!(fixture.ack(&first[0]), Some(1));
    fixture.pass(1_000, 0);
    let second = fixture.leases(A, &[2]);
    assert_eq!(fixture.ack(&first[1]), None);
    assert_eq!(fixture.ack(&second[0]), Some(2));
    assert_eq!(fixture.backlog.undelivered(), (0, None));
}

#[test]
fn an_extension_moves_the_deadline_either_way() {
    let mut fixture = Fixture::new(|_| {});
    fixture.offer("");
    let ack_id = fixture.leases(A, &[1]).remove(0);
    fixture
        .backlog
        .extend(&ack_id, fixture.now.wall + LEASE * 6);
    fixture.pass(0, 59_999);
    assert!(fixture.expire_leases().is_empty());
    fixture.backlog.extend(&ack_id, fixture.now.wall);
    assert_eq!(fixture.expire_leases().len(), 1);
}

#[test]
fn a_pull_gets_several_messages_of_a_key_and_others_wait_for_it() {
    let mut fixture = Fixture::ordered();
    for key in ["k", "k", "l", "k"] {
        fixture.offer(key);
    }
    let first = fixture.lease_up_to(A, 2);
    assert_eq!(first.len(), 2);
    fixture.leases(B, &[3]);
    fixture.leases(A, &[4]);
    fixture.offer("k");
    fixture.leases(B, &[]);
    fixture.leases(A, &[5]);
}

#[test]
fn a_refusal_takes_back_what_was_delivered_after_it() {
    let mut fixture = Fixture::ordered();
    for key in ["k", "k", "k", "l"] {
        fixture.offer(key);
    }
    let ack_ids = fixture.leases(A, &[1, 2, 3, 4]);
    assert_eq!(fixture.ack(&ack_ids[0]), Some(1));
    assert!(fixture.nack(&ack_ids[1]).is_some());
    assert_eq!(fixture.ack(&ack_ids[2]), None, "taken back");
    assert_eq!(fixture.ack(&ack_ids[3]), Some(4), "another key");
    fixture.leases(B, &[]);
    fixture.pass(1_000, 0);
    fixture.leases(B, &[2, 3]);
}

#[test]
fn a_push_gets_one_message_of_a_key_at_a_time() {
    let mut fixture = Fixture::ordered();
    for key in ["k", "k", "", ""] {
        fixture.offer(key);
    }
    let ack_ids = fixture.leases(Holder::Push, &[1, 3, 4]);
    fixture.leases(Holder::Push, &[]);
    fixture.ack(&ack_ids[0]);
    fixture.leases(Holder::Push, &[2]);
}

#[test]
fn keys_have_no_effect_without_ordering() {
    let mut fixture = Fixture::new(|_| {});
    for key in ["k", "k"] {
        fixture.offer(key);
    }
    fixture.leases(Holder::Push, &[1, 2]);
}

#[test]
fn bytes_limit_what_a_holder_has_but_one_message_always_fits() {
    let mut fixture = Fixture::new(|_| {});
    for _ in 0..3 {
        fixture.offer("");
    }
    let want = |bytes| Want {
        holder: A,
        messages: 9,
        bytes,
        lease: LEASE,
    };
    assert_eq!(fixture.backlog.lease(fixture.now, want(10)).len(), 1);
    assert_eq!(fixture.backlog.lease(fixture.now, want(10)).len(), 0);
    assert_eq!(fixture.backlog.lease(fixture.now, want(150)).len(), 1);
    let held = fixture.backlog.held(A);
    assert!(held.messages == 2 && held.bytes >= 200, "{held:?}");
}

#[test]
fn a_message_older_than_the_retention_is_dropped() {
    let mut fixture = Fixture::ordered();
    fixture.offer("k");
    fixture.pass(1_000, 0);
    fixture.offer("k");
    let limit = fixture.now.simulated;
    assert_eq!(fixture.backlog.expire(limit), [1]);
    fixture.leases(A, &[2]);
}

#[test]
fn a_seek_drops_earlier_messages_and_restores_kept_ones() {
    let mut fixture = Fixture::new(|config| config.retain_acked_messages = true);
    let start = fixture.now.simulated;
    fixture.offer("");
    let ack_id = fixture.leases(A, &[1]).remove(0);
    assert_eq!(fixture.ack(&ack_id), Some(1));
    assert!(fixture.backlog.is_acked(1), "kept");
    fixture.pass(1_000, 0);
    fixture.offer("");
    assert_eq!(
        fixture.backlog.seek(start, fixture.now, &fixture.rules),
        [1]
    );
    fixture.leases(A, &[1, 2]);
    let now = fixture.now.simulated;
    assert_eq!(fixture.backlog.seek(now, fixture.now, &fixture.rules), [1]);
    assert_eq!(fixture.backlog.outstanding(), 1);
}
