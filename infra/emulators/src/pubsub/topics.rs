//! Calls on topics: administration, and publishing.

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::PublishRequest;
use tonic::Status;

use super::{
    broker::{State, Topic},
    name,
    page::PageRequest,
    row, rules,
};
use crate::db::DbChange;

/// The service's limits of a publish call: <https://cloud.google.com/pubsub/quotas>.
const MESSAGES_MAX: usize = 1000;
const REQUEST_MAX_BYTES: usize = 10_000_000;
const ATTRIBUTES_MAX: usize = 100;
const ATTRIBUTE_KEY_MAX_BYTES: usize = 256;
const ATTRIBUTE_VALUE_MAX_BYTES: usize = 1024;
const ORDERING_KEY_MAX_BYTES: usize = 1024;
/// Bounds of a topic's retention in seconds: echoed, without effect.
const RETENTION_MIN_S: i64 = 10 * 60;
const RETENTION_MAX_S: i64 = 31 * 24 * 3600;

impl State {
    pub(super) fn create_topic(
        &mut self,
        topic: &proto::Topic,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::Topic, Status> {
        check(topic)?;
        if self.topics.contains_key(&topic.name) {
            return Err(name::already_exists(&topic.name));
        }
        let mut topic = topic.clone();
        topic.state = proto::topic::State::Active.into();
        Ok(self.keep_topic(topic, changes))
    }

    pub(super) fn update_topic(
        &mut self,
        request: &proto::UpdateTopicRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::Topic, Status> {
        let update = request.topic.clone().unwrap_or_default();
        let mut topic = self.topic(&update.name)?.config.clone();
        let mask = request.update_mask.clone().unwrap_or_default().paths;
        if mask.is_empty() {
            return Err(Status::invalid_argument(
                "The update_mask must name fields.",
            ));
        }
        for path in mask {
            match path.as_str() {
                "labels" => topic.labels.clone_from(&update.labels),
                "message_retention_duration" => {
                    topic.message_retention_duration = update.message_retention_duration;
                }
                "message_storage_policy" => topic
                    .message_storage_policy
                    .clone_from(&update.message_storage_policy),
                "name" => return Err(Status::invalid_argument("The name cannot change.")),
                other => rules::refuse(&[(other, true)])?,
            }
        }
        check(&topic)?;
        Ok(self.keep_topic(topic, changes))
    }

    pub(super) fn get_topic(
        &mut self,
        request: &proto::GetTopicRequest,
        _: &mut Vec<DbChange>,
    ) -> Result<proto::Topic, Status> {
        Ok(self.topic(&request.topic)?.config.clone())
    }

    pub(super) fn list_topics(
        &mut self,
        request: &proto::ListTopicsRequest,
        _: &mut Vec<DbChange>,
    ) -> Result<proto::ListTopicsResponse, Status> {
        name::check_project(&request.project)?;
        let prefix = format!("{}/topics/", request.project);
        let all = self.topics.values().map(|topic| &topic.config);
        let all = all.filter(|topic| topic.name.starts_with(&prefix));
        let (topics, next_page_token) = PageRequest {
            size: request.page_size,
            token: request.page_token.clone(),
        }
        .cut(all, |topic| &topic.name);
        Ok(proto::ListTopicsResponse {
            topics: topics.into_iter().cloned().collect(),
            next_page_token,
        })
    }

    pub(super) fn list_topic_subscriptions(
        &mut self,
        request: &proto::ListTopicSubscriptionsRequest,
        _: &mut Vec<DbChange>,
    ) -> Result<proto::ListTopicSubscriptionsResponse, Status> {
        self.topic(&request.topic)?;
        let all = self.queues.values().map(|queue| &queue.config);
        let all = all.filter(|config| config.topic == request.topic && !config.detached);
        let (subscriptions, next_page_token) = PageRequest {
            size: request.page_size,
            token: request.page_token.clone(),
        }
        .cut(all, |config| &config.name);
        Ok(proto::ListTopicSubscriptionsResponse {
            subscriptions: subscriptions.iter().map(|it| it.name.clone()).collect(),
            next_page_token,
        })
    }

    /// Deletes a topic; its subscriptions stay, with their messages.
    pub(super) fn delete_topic(
        &mut self,
        request: &proto::DeleteTopicRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<(), Status> {
        self.topics
            .remove(&request.topic)
            .ok_or_else(|| name::not_found(&request.topic))?;
        changes.push(row::no_topic(&request.topic));
        for queue in self.queues.values_mut() {
            if queue.config.topic == request.topic {
                let mut config = proto::Subscription::clone(&queue.config);
                name::DELETED_TOPIC.clone_into(&mut config.topic);
                changes.push(row::subscription(&config));
                queue.config = config.into();
            }
        }
        Ok(())
    }

    pub(super) fn publish(
        &mut self,
        request: &PublishRequest,
        changes: &mut Vec<DbChange>,
    ) -> Result<proto::PublishResponse, Status> {
        self.topic(&request.topic)?;
        check_messages(request)?;
        let mut message_ids = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            let id = self.put(&request.topic, message.clone(), changes);
            message_ids.push(id.to_string());
        }
        Ok(proto::PublishResponse { message_ids })
    }

    fn topic(&self, topic: &str) -> Result<&Topic, Status> {
        name::check(topic, "topics")?;
        self.topics.get(topic).ok_or_else(|| name::not_found(topic))
    }

    fn keep_topic(&mut self, topic: proto::Topic, changes: &mut Vec<DbChange>) -> proto::Topic {
        changes.push(row::topic(&topic));
        self.topics
            .entry(topic.name.clone())
            .or_insert_with(|| Topic::new(proto::Topic::default()))
            .config = topic.clone();
        topic
    }
}

fn check(topic: &proto::Topic) -> Result<(), Status> {
    name::check(&topic.name, "topics")?;
    if let Some(retention) = &topic.message_retention_duration {
        let field = "message_retention_duration";
        rules::within(retention, RETENTION_MIN_S, RETENTION_MAX_S, field)?;
    }
    rules::refuse(&[
        ("kms_key_name", !topic.kms_key_name.is_empty()),
        ("schema_settings", topic.schema_settings.is_some()),
        (
            "ingestion_data_source_settings",
            topic.ingestion_data_source_settings.is_some(),
        ),
        ("message_transforms", !topic.message_transforms.is_empty()),
    ])
}

fn check_messages(request: &PublishRequest) -> Result<(), Status> {
    let count = request.messages.len();
    let bytes = prost::Message::encoded_len(request);
    let error = if count == 0 {
        Some("The request must hold at least one message.".to_owned())
    } else if count > MESSAGES_MAX {
        Some(format!(
            "The request holds {count} messages, above {MESSAGES_MAX}."
        ))
    } else if bytes > REQUEST_MAX_BYTES {
        Some(format!(
            "The request has {bytes} bytes, above {REQUEST_MAX_BYTES}."
        ))
    } else {
        request.messages.iter().find_map(error_of)
    };
    error.map_or(Ok(()), |error| Err(Status::invalid_argument(error)))
}

fn error_of(message: &proto::PubsubMessage) -> Option<String> {
    if message.data.is_empty() && message.attributes.is_empty() {
        return Some("A message must have data or at least one attribute.".to_owned());
    }
    if message.attributes.len() > ATTRIBUTES_MAX {
        return Some(format!(
            "A message has more than {ATTRIBUTES_MAX} attributes."
        ));
    }
    if message.ordering_key.len() > ORDERING_KEY_MAX_BYTES {
        return Some(format!(
            "An ordering key has more than {ORDERING_KEY_MAX_BYTES} bytes."
        ));
    }
    message.attributes.iter().find_map(|(key, value)| {
        if key.is_empty() || key.len() > ATTRIBUTE_KEY_MAX_BYTES || key.starts_with("goog") {
            Some(format!("Invalid attribute key: `{key}`."))
        } else if value.len() > ATTRIBUTE_VALUE_MAX_BYTES {
            Some(format!("The value of attribute `{key}` is too long."))
        } else {
            None
        }
    })
}
