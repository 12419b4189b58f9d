//! One subscription: its configuration, its messages, its counts.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use tokio::sync::Notify;

use super::{
    backlog::{Backlog, Failed, LeasedMessage, Now, Want},
    delivery_faults::DeliveryFaults,
    row,
    rules::Rules,
};
use crate::{clock::Clock, db::DbChange};

/// A subscription.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) config: Arc<proto::Subscription>,
    pub(super) rules: Rules,
    pub(super) backlog: Backlog,
    pub(super) delivery_faults: DeliveryFaults,
    /// Wakes waiting pulls.
    pub(super) wake: Arc<Notify>,
    /// Deliveries made since the start, every attempt and every copy.
    pub(super) delivered: u64,
    /// Deliveries acknowledged since the start.
    pub(super) acknowledged: u64,
}

impl Queue {
    /// An empty subscription.
    pub(super) fn new(
        config: proto::Subscription,
        rules: Rules,
        delivery_faults: DeliveryFaults,
    ) -> Self {
        Self {
            config: Arc::new(config),
            backlog: Backlog::new(rules.ordered),
            rules,
            delivery_faults,
            wake: Arc::default(),
            delivered: 0,
            acknowledged: 0,
        }
    }

    /// Leases what is due, with the subscription's delivery faults applied.
    pub(super) fn lease(&mut self, now: Now, want: Want) -> Vec<LeasedMessage> {
        let batch = self.backlog.lease(now, want);
        let batch = self.delivery_faults.apply(batch);
        self.delivered += u64::try_from(batch.len()).unwrap_or_default();
        batch
    }

    /// Acknowledges deliveries.
    pub(super) fn ack(&mut self, ack_ids: &[String], changes: &mut Vec<DbChange>) {
        let name = &self.config.name;
        for ack_id in ack_ids {
            let Some(id) = self.backlog.ack(ack_id, &self.rules) else {
                continue;
            };
            self.acknowledged += 1;
            match self.backlog.get(id) {
                Some(kept) => changes.push(row::message(name, id, &kept.message, true)),
                None => changes.extend(row::no_message(name, id)),
            }
        }
        self.wake.notify_waiters();
    }

    /// Refuses deliveries.
    pub(super) fn nack(&mut self, ack_ids: &[String], now: Now) -> Vec<Failed> {
        ack_ids
            .iter()
            .filter_map(|ack_id| self.backlog.nack(ack_id, now, &self.rules))
            .collect()
    }

    /// Whether messages are pushed.
    pub(super) fn pushes(&self) -> bool {
        let push = self.config.push_config.as_ref();
        push.is_some_and(|push| !push.push_endpoint.is_empty()) && !self.config.detached
    }

    /// How long, in wall-clock time, until this subscription has something to do by itself.
    pub(super) fn idle_for(&self, now: Now, clock: &Clock) -> Option<Duration> {
        let due = self.backlog.next_due(now);
        let expiry = self
            .backlog
            .oldest()
            .map(|time| time + self.rules.retention);
        let simulated = due.into_iter().chain(expiry).min().map(|time| {
            let rest = (time - now.simulated).max(TimeDelta::zero());
            clock.wall(rest.to_std().unwrap_or_default())
        });
        let expire_leases = self.backlog.next_lease_end();
        let expire_leases = expire_leases.map(|until| until.saturating_duration_since(now.wall));
        simulated.into_iter().chain(expire_leases).min()
    }
}
