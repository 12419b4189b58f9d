//! The bodies of REST calls that are not resources.

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::seek_request::Target;
use serde::Deserialize;

use super::{PushConfig, SubscriptionResource, TopicResource};

/// An update of a topic.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct UpdateTopic {
    pub(in super::super) topic: TopicResource,
    pub(in super::super) update_mask: String,
}

/// An update of a subscription.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct UpdateSubscription {
    pub(in super::super) subscription: SubscriptionResource,
    pub(in super::super) update_mask: String,
}

/// A new push configuration; an empty one turns push off.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct ModifyPushConfig {
    pub(in super::super) push_config: Option<PushConfig>,
}

/// The target of a seek.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct Seek {
    pub(in super::super) time: Option<DateTime<Utc>>,
    pub(in super::super) snapshot: Option<String>,
}

impl Seek {
    /// The time or the snapshot.
    pub(in super::super) fn target(self) -> Option<Target> {
        let time = self.time.map(|time| {
            Target::Time(prost_types::Timestamp {
                seconds: time.timestamp(),
                nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
            })
        });
        time.or(self.snapshot.map(Target::Snapshot))
    }
}

/// How much to pull.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Pull {
    max_messages: i32,
    return_immediately: bool,
}

impl Pull {
    /// The protobuf request, for `subscription`.
    #[expect(deprecated, reason = "clients still send `returnImmediately`")]
    pub(in super::super) fn into_proto(self, subscription: String) -> proto::PullRequest {
        proto::PullRequest {
            subscription,
            max_messages: self.max_messages,
            return_immediately: self.return_immediately,
        }
    }
}

/// Ack ids, and the new deadline for them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct AckIds {
    pub(in super::super) ack_ids: Vec<String>,
    pub(in super::super) ack_deadline_seconds: i32,
}
