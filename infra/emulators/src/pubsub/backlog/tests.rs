//! The backlog, step by step, and under every order of steps that proptest finds.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::pubsub::proto;

const LEASE: Duration = Duration::from_secs(10);
const A: Holder = Holder::Pull(1);
const B: Holder = Holder::Pull(2);

/// A backlog with its rules and its time.
struct Bench {
    backlog: Backlog,
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

    fn ordered() -> Self {
        Self::new(|config| config.enable_message_ordering = true)
    }

    fn offer(&mut self, key: &str) -> Id {
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

    fn lease_up_to(&mut self, holder: Holder, messages: usize) -> Vec<Delivery> {
        let want = Want {
            holder,
            messages,
            bytes: usize::MAX,
            lease: LEASE,
        };
        self.backlog.lease(self.now, want)
    }

    /// Leases all it can; tells which messages, and how to acknowledge them.
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
        assert_eq!(found, ids, "given out to {holder:?}");
        ack_ids
    }

    fn ack(&mut self, ack_id: &str) -> Option<Id> {
        self.backlog.ack(ack_id, &self.rules)
    }

    fn nack(&mut self, ack_id: &str) -> Option<Failed> {
        self.backlog.nack(ack_id, self.now, &self.rules)
    }

    fn lapse(&mut self) -> Vec<Failed> {
        self.backlog.lapse(self.now, &self.rules)
    }

    fn pass(&mut self, simulated_ms: i64, wall_ms: u64) {
        self.now.simulated += TimeDelta::milliseconds(simulated_ms);
        self.now.wall += Duration::from_millis(wall_ms);
    }
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

#[test]
fn a_leased_message_comes_again_only_after_its_lease_and_its_rest() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    bench.leases(A, &[1]);
    bench.leases(B, &[]);
    bench.pass(3_600_000, 9_999);
    assert!(
        bench.lapse().is_empty(),
        "an hour of the cloud is no time for work"
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
fn each_refusal_doubles_the_rest() {
    let mut bench = Bench::new(|_| {});
    bench.offer("");
    for rest_ms in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
        let ack_id = bench.leases(A, &[1]).remove(0);
        assert!(bench.nack(&ack_id).is_some());
        assert_eq!(bench.nack(&ack_id), None, "refused once already");
        bench.pass(rest_ms - 1, 0);
        bench.leases(A, &[]);
        bench.pass(1, 0);
    }
}

#[test]
fn refusals_and_lapses_together_exhaust_a_message() {
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
fn a_pull_gets_a_run_of_a_key_and_others_wait_for_it() {
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
fn a_refusal_takes_back_what_went_out_after_it() {
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
fn keys_mean_nothing_without_ordering() {
    let mut bench = Bench::new(|_| {});
    for key in ["k", "k"] {
        bench.offer(key);
    }
    bench.leases(Holder::Push, &[1, 2]);
}

#[test]
fn bytes_bound_what_a_holder_has_but_one_message_always_fits() {
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
fn what_is_too_old_goes() {
    let mut bench = Bench::ordered();
    bench.offer("k");
    bench.pass(1_000, 0);
    bench.offer("k");
    let limit = bench.now.simulated;
    assert_eq!(bench.backlog.expire(limit), [1]);
    bench.leases(A, &[2]);
}

#[test]
fn a_seek_forgets_what_came_before_and_brings_back_what_was_kept() {
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

/// One step of a subscription's life; numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Offer(u8),
    Lease(u8, usize),
    Ack(prop::sample::Index),
    Nack(prop::sample::Index),
    Pass(i64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u8).prop_map(Step::Offer),
        3 => (0..3_u8, 1..5_usize).prop_map(|(holder, n)| Step::Lease(holder, n)),
        2 => any::<prop::sample::Index>().prop_map(Step::Ack),
        2 => any::<prop::sample::Index>().prop_map(Step::Nack),
        2 => (0..3_000_i64, 0..6_000_u64).prop_map(|(ms, wall)| Step::Pass(ms, wall)),
    ]
}

/// What a subscriber may count on, written down beside the backlog.
#[derive(Debug, Default)]
struct Witness {
    keys: BTreeMap<Id, u8>,
    acked: BTreeSet<Id>,
    ack_ids: Vec<String>,
}

impl Witness {
    fn sees(&mut self, bench: &Bench, batch: Vec<Delivery>) {
        for delivery in batch {
            let id = parse(&delivery.ack_id).unwrap().0;
            assert!(
                !self.acked.contains(&id),
                "{id} came after its acknowledgement"
            );
            let key = self.keys[&id];
            let before = self.keys.range(..id).filter(|(_, other)| **other == key);
            for (earlier, _) in before.filter(|_| key > 0) {
                let place = bench.backlog.get(*earlier).map(|entry| entry.place);
                let settled = self.acked.contains(earlier);
                let out = matches!(place, Some(Place::Leased { .. }));
                assert!(
                    settled || out,
                    "{id} came before {earlier}, place {place:?}"
                );
            }
            self.ack_ids.push(delivery.ack_id);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_nothing_comes_after_its_ack_and_keys_keep_their_order(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut bench = Bench::ordered();
        let mut witness = Witness::default();
        for step in steps {
            match step {
                Step::Offer(key) => {
                    let name = if key == 0 { String::new() } else { key.to_string() };
                    let id = bench.offer(&name);
                    witness.keys.insert(id, key);
                }
                Step::Lease(holder, messages) => {
                    let holder = [Holder::Push, A, B][usize::from(holder)];
                    let batch = bench.lease_up_to(holder, messages);
                    witness.sees(&bench, batch);
                }
                Step::Ack(which) if !witness.ack_ids.is_empty() => {
                    let ack_id = which.get(&witness.ack_ids).clone();
                    witness.acked.extend(bench.ack(&ack_id));
                }
                Step::Nack(which) if !witness.ack_ids.is_empty() => {
                    bench.nack(&which.get(&witness.ack_ids).clone());
                }
                Step::Ack(_) | Step::Nack(_) => {}
                Step::Pass(simulated_ms, wall_ms) => bench.pass(simulated_ms, wall_ms),
            }
            bench.lapse();
            let open = witness.keys.len() - witness.acked.len();
            prop_assert_eq!(bench.backlog.undelivered().0, open);
        }
        // Whatever happened, a patient subscriber gets the rest, key by key in order.
        bench.pass(60_000, 60_000);
        bench.lapse();
        bench.pass(60_000, 0);
        let rest = bench.lease_up_to(A, usize::MAX);
        let ack_ids: Vec<String> = rest.iter().map(|it| it.ack_id.clone()).collect();
        witness.sees(&bench, rest);
        for ack_id in ack_ids {
            witness.acked.extend(bench.ack(&ack_id));
        }
        prop_assert_eq!(witness.acked.len(), witness.keys.len());
        prop_assert!(bench.backlog.lanes.is_empty(), "lanes are cleared");
        prop_assert!(bench.backlog.waiting.is_empty(), "nothing waits");
        prop_assert!(bench.backlog.held.is_empty(), "nothing is held");
    }
}
