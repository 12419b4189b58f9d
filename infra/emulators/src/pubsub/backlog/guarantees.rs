//! Guarantees to a subscriber, tested under every order of steps that proptest finds.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    tests::{A, B, Fixture},
    *,
};

/// One step of a subscription's life; numbers select one of the existing messages.
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

/// What a subscriber has seen, recorded independently of the backlog.
#[derive(Debug, Default)]
struct Witness {
    keys: BTreeMap<Id, u8>,
    acked: BTreeSet<Id>,
    ack_ids: Vec<String>,
}

impl Witness {
    fn sees(&mut self, fixture: &Fixture, batch: Vec<LeasedMessage>) {
        for delivery in batch {
            let id = parse(&delivery.ack_id).unwrap().0;
            assert!(
                !self.acked.contains(&id),
                "{id} was delivered after its acknowledgement"
            );
            let key = self.keys[&id];
            let before = self.keys.range(..id).filter(|(_, other)| **other == key);
            for (earlier, _) in before.filter(|_| key > 0) {
                let state = fixture.backlog.get(*earlier).map(|entry| entry.state);
                let settled = self.acked.contains(earlier);
                let out = matches!(state, Some(MessageState::Leased { .. }));
                assert!(
                    settled || out,
                    "{id} was delivered before {earlier}, state {state:?}"
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
        let mut fixture = Fixture::ordered();
        let mut witness = Witness::default();
        for step in steps {
            match step {
                Step::Offer(key) => {
                    let name = if key == 0 { String::new() } else { key.to_string() };
                    let id = fixture.offer(&name);
                    witness.keys.insert(id, key);
                }
                Step::Lease(holder, messages) => {
                    let holder = [Holder::Push, A, B][usize::from(holder)];
                    let batch = fixture.lease_up_to(holder, messages);
                    witness.sees(&fixture, batch);
                }
                Step::Ack(which) if !witness.ack_ids.is_empty() => {
                    let ack_id = which.get(&witness.ack_ids).clone();
                    witness.acked.extend(fixture.ack(&ack_id));
                }
                Step::Nack(which) if !witness.ack_ids.is_empty() => {
                    fixture.nack(&which.get(&witness.ack_ids).clone());
                }
                Step::Ack(_) | Step::Nack(_) => {}
                Step::Pass(simulated_ms, wall_ms) => fixture.pass(simulated_ms, wall_ms),
            }
            fixture.expire_leases();
            let open = witness.keys.len() - witness.acked.len();
            prop_assert_eq!(fixture.backlog.undelivered().0, open);
        }
        // Whatever happened, a patient subscriber gets the rest, in the order of each key.
        fixture.pass(60_000, 60_000);
        fixture.expire_leases();
        fixture.pass(60_000, 0);
        let rest = fixture.lease_up_to(A, usize::MAX);
        let ack_ids: Vec<String> = rest.iter().map(|it| it.ack_id.clone()).collect();
        witness.sees(&fixture, rest);
        for ack_id in ack_ids {
            witness.acked.extend(fixture.ack(&ack_id));
        }
        prop_assert_eq!(witness.acked.len(), witness.keys.len());
        prop_assert!(fixture.backlog.lanes.is_empty(), "no lane is left");
        prop_assert!(fixture.backlog.waiting.is_empty(), "no message waits");
        prop_assert!(fixture.backlog.held.is_empty(), "no lease is left");
    }
}
