//! Calls on subscriptions: administration, and acknowledging deliveries.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::seek_request::Target;
use tonic::Status;

use super::{
    broker::State,
    name,
    page::PageRequest,
    queue::Queue,
    row,
    rules::{self, Rules},
};
use crate::db::DbChange;

impl State {
    pub(super) fn create_subscription(
        &mut self,
        config: &proto::Subscription,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::Subscription, Status> {
        let mut config = config.clone();
        let rules = Rules::validate(&mut config)?;
        name::check(&config.topic, "topics")?;
        if self.queues.contains_key(&config.name) {
            return Err(name::already_exists(&config.name));
        }
        if !self.topics.contains_key(&config.topic) {
            return Err(name::not_found(&config.topic));
        }
        self.check_dead_letter(&rules)?;
        changes.push(row::subscription(&config));
        let queue = Queue::new(config.clone(), rules, self.delivery_faults);
        self.queues.insert(config.name.clone(), queue);
        Ok(config)
    }

    pub(super) fn update_subscription(
        &mut self,
        request: &proto::UpdateSubscriptionRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::Subscription, Status> {
        let update = request.subscription.clone().unwrap_or_default();
        let mut config = proto::Subscription::clone(&self.queue(&update.name)?.config);
        let mask = request.update_mask.clone().unwrap_or_default().paths;
        if mask.is_empty() {
            return Err(Status::invalid_argument(
                "The update_mask must name fields.",
            ));
        }
        for path in mask {
            copy_field(&mut config, &update, &path)?;
        }
        self.keep_subscription(config, changes)
    }

    pub(super) fn modify_push_config(
        &mut self,
        request: &proto::ModifyPushConfigRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<(), Status> {
        let mut config = proto::Subscription::clone(&self.queue(&request.subscription)?.config);
        config.push_config.clone_from(&request.push_config);
        self.keep_subscription(config, changes).map(drop)
    }

    pub(super) fn get_subscription(
        &mut self,
        request: &proto::GetSubscriptionRequest,
        _: &mut Vec<DbChange>,
    ) -> Result<proto::Subscription, Status> {
        let queue = self.queue(&request.subscription)?;
        Ok(proto::Subscription::clone(&queue.config))
    }

    pub(super) fn list_subscriptions(
        &mut self,
        request: &proto::ListSubscriptionsRequest,
        _: &mut Vec<DbChange>,
    ) -> Result<proto::ListSubscriptionsResponse, Status> {
        name::check_project(&request.project)?;
        let prefix = format!("{}/subscriptions/", request.project);
        let all = self.queues.values().map(|queue| &queue.config);
        let all = all.filter(|config| config.name.starts_with(&prefix));
        let (subscriptions, next_page_token) = PageRequest {
            size: request.page_size,
            token: request.page_token.clone(),
        }
        .cut(all, |config| &config.name);
        let subscriptions = subscriptions.into_iter();
        Ok(proto::ListSubscriptionsResponse {
            subscriptions: subscriptions.map(|it| (**it).clone()).collect(),
            next_page_token,
        })
    }

    pub(super) fn delete_subscription(
        &mut self,
        request: &proto::DeleteSubscriptionRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<(), Status> {
        let name = &request.subscription;
        self.queue(name)?;
        if let Some(queue) = self.queues.remove(name) {
            changes.push(row::no_subscription(name));
            let rows = queue.backlog.ids().flat_map(|id| row::no_message(name, id));
            changes.extend(rows);
            queue.wake.notify_waiters();
        }
        Ok(())
    }

    /// Detaches a subscription from its topic; its messages are dropped.
    pub(super) fn detach_subscription(
        &mut self,
        request: &proto::DetachSubscriptionRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::DetachSubscriptionResponse, Status> {
        let name = &request.subscription;
        let queue = self.queue_mut(name)?;
        for id in queue.backlog.ids().collect::<Vec<_>>() {
            queue.backlog.remove(id);
            changes.extend(row::no_message(name, id));
        }
        Arc::make_mut(&mut queue.config).detached = true;
        changes.push(row::subscription(&queue.config));
        queue.wake.notify_waiters();
        Ok(proto::DetachSubscriptionResponse {})
    }

    pub(super) fn seek(
        &mut self,
        request: &proto::SeekRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::SeekResponse, Status> {
        let now = self.now();
        let name = &request.subscription;
        let queue = self.queue_mut(name)?;
        let time = match &request.target {
            Some(Target::Time(time)) => u32::try_from(time.nanos)
                .ok()
                .and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos)),
            Some(Target::Snapshot(_)) => {
                return Err(Status::unimplemented(
                    "the emulator does not serve snapshots",
                ));
            }
            None => None,
        };
        let time = time.ok_or_else(|| Status::invalid_argument("A seek needs a time."))?;
        for id in queue.backlog.seek(time, now, &queue.rules) {
            match queue.backlog.get(id) {
                None => changes.extend(row::no_message(name, id)),
                Some(kept) => {
                    let acked = queue.backlog.is_acked(id);
                    changes.push(row::message(name, id, &kept.message, acked));
                }
            }
        }
        queue.wake.notify_waiters();
        Ok(proto::SeekResponse {})
    }

    pub(super) fn acknowledge(
        &mut self,
        request: &proto::AcknowledgeRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<(), Status> {
        let queue = self.queue_mut(&request.subscription)?;
        queue.ack(&request.ack_ids, changes);
        Ok(())
    }

    pub(super) fn modify_ack_deadline(
        &mut self,
        request: &proto::ModifyAckDeadlineRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<(), Status> {
        let now = self.now();
        let name = &request.subscription;
        let queue = self.queue_mut(name)?;
        let seconds = u64::try_from(request.ack_deadline_seconds)
            .ok()
            .filter(|seconds| *seconds <= u64::from(rules::DEADLINE_MAX_S.unsigned_abs()));
        match seconds {
            None => {
                let message = format!(
                    "An ack deadline must be between 0 and {} seconds.",
                    rules::DEADLINE_MAX_S
                );
                return Err(Status::invalid_argument(message));
            }
            Some(0) => {
                let failed = queue.nack(&request.ack_ids, now);
                self.fail(name, failed, changes);
            }
            Some(seconds) => {
                let until = now.wall + Duration::from_secs(seconds);
                for ack_id in &request.ack_ids {
                    queue.backlog.extend(ack_id, until);
                }
            }
        }
        Ok(())
    }

    fn queue(&self, subscription: &str) -> Result<&Queue, Status> {
        name::check(subscription, "subscriptions")?;
        self.queues
            .get(subscription)
            .ok_or_else(|| name::not_found(subscription))
    }

    fn queue_mut(&mut self, subscription: &str) -> Result<&mut Queue, Status> {
        name::check(subscription, "subscriptions")?;
        self.queues
            .get_mut(subscription)
            .ok_or_else(|| name::not_found(subscription))
    }

    fn check_dead_letter(&self, rules: &Rules) -> Result<(), Status> {
        match &rules.dead_letter {
            Some(policy) if !self.topics.contains_key(&policy.topic) => {
                Err(name::not_found(&policy.topic))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn keep_subscription(
        &mut self,
        mut config: proto::Subscription,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::Subscription, Status> {
        let rules = Rules::validate(&mut config)?;
        let queue = self.queue(&config.name)?;
        if rules.dead_letter != queue.rules.dead_letter {
            self.check_dead_letter(&rules)?;
        }
        let queue = self.queue_mut(&config.name)?;
        changes.push(row::subscription(&config));
        queue.rules = rules;
        queue.config = Arc::new(config.clone());
        queue.wake.notify_waiters();
        Ok(config)
    }
}

fn copy_field(
    config: &mut proto::Subscription,
    update: &proto::Subscription,
    path: &str,
) -> Result<(), Status> {
    match path {
        "ack_deadline_seconds" => config.ack_deadline_seconds = update.ack_deadline_seconds,
        "dead_letter_policy" => config
            .dead_letter_policy
            .clone_from(&update.dead_letter_policy),
        "expiration_policy" => config.expiration_policy = update.expiration_policy,
        "labels" => config.labels.clone_from(&update.labels),
        "message_retention_duration" => {
            config.message_retention_duration = update.message_retention_duration;
        }
        "push_config" => config.push_config.clone_from(&update.push_config),
        "retain_acked_messages" => config.retain_acked_messages = update.retain_acked_messages,
        "retry_policy" => config.retry_policy = update.retry_policy,
        "name" | "topic" | "filter" | "enable_message_ordering" => {
            let message = format!("The field `{path}` cannot change.");
            return Err(Status::invalid_argument(message));
        }
        other => rules::refuse(&[(other, true)])?,
    }
    Ok(())
}
