//! The REST surface: all of the administration, as Google's Rust client speaks it, and the
//! calls that are handy from a terminal.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::seek_request::Target;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tonic::Status;

use super::{
    broker::{Broker, State},
    control,
    json::{self, messages},
    page::Page,
    proto, pull,
};
use crate::{
    db::Change,
    grpc::{Request, Response},
    rest::{self, Error},
};

/// Answers a REST call.
pub(super) async fn answer(broker: &Arc<Broker>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let segments = rest::segments(&path);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = request.method().clone();
    let answer = match (method.as_str(), segments.as_slice()) {
        (_, ["emulator", "pubsub", rest @ ..]) => control::answer(broker, rest, request).await,
        (_, ["v1", "projects", project, "topics", rest @ ..]) => {
            topics(broker, project, rest, request).await
        }
        (_, ["v1", "projects", project, "subscriptions", rest @ ..]) => {
            subscriptions(broker, project, rest, request).await
        }
        _ => Err(Error::unimplemented(&method, &path)),
    };
    answer.unwrap_or_else(Error::into_response)
}

async fn topics(
    broker: &Arc<Broker>,
    project: &str,
    rest: &[&str],
    request: Request,
) -> Result<Response, Error> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let page = page(&request);
    let id = rest.first().copied().unwrap_or_default();
    let (id, verb) = id.split_once(':').unwrap_or((id, ""));
    let topic = format!("projects/{project}/topics/{id}");
    match (method.as_str(), rest.get(1..), verb) {
        ("GET", None, _) => {
            let list = proto::ListTopicsRequest {
                project: format!("projects/{project}"),
                page_size: page.size,
                page_token: page.token,
            };
            let found = call(broker, State::list_topics, list).await?;
            let topics: Vec<json::Topic> = found.topics.into_iter().map(Into::into).collect();
            Ok(list_of("topics", &topics, &found.next_page_token))
        }
        ("GET", Some(["subscriptions"]), "") => {
            let list = proto::ListTopicSubscriptionsRequest {
                topic,
                page_size: page.size,
                page_token: page.token,
            };
            let found = call(broker, State::list_topic_subscriptions, list).await?;
            let names = &found.subscriptions;
            Ok(list_of("subscriptions", names, &found.next_page_token))
        }
        ("GET", Some([]), "") => {
            let get = proto::GetTopicRequest { topic };
            ok::<json::Topic>(call(broker, State::get_topic, get).await?)
        }
        ("PUT", Some([]), "") => {
            let mut config = body::<json::Topic>(request).await?.into_proto()?;
            config.name = topic;
            ok::<json::Topic>(call(broker, State::create_topic, config).await?)
        }
        ("PATCH", Some([]), "") => {
            let update: UpdateTopic = body(request).await?;
            let mut config = update.topic.into_proto()?;
            config.name = topic;
            let update = proto::UpdateTopicRequest {
                topic: Some(config),
                update_mask: Some(mask(&update.update_mask)),
            };
            ok::<json::Topic>(call(broker, State::update_topic, update).await?)
        }
        ("DELETE", Some([]), "") => {
            let delete = proto::DeleteTopicRequest { topic };
            done(call(broker, State::delete_topic, delete).await?)
        }
        ("POST", Some([]), "publish") => {
            let publish = body::<messages::Publish>(request)
                .await?
                .into_proto(topic)?;
            ok::<messages::Published>(call(broker, State::publish, publish).await?)
        }
        _ => Err(Error::unimplemented(&method, &path)),
    }
}

async fn subscriptions(
    broker: &Arc<Broker>,
    project: &str,
    rest: &[&str],
    request: Request,
) -> Result<Response, Error> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let page = page(&request);
    let [id] = rest else {
        if method != http::Method::GET || !rest.is_empty() {
            return Err(Error::unimplemented(&method, &path));
        }
        let list = proto::ListSubscriptionsRequest {
            project: format!("projects/{project}"),
            page_size: page.size,
            page_token: page.token,
        };
        let found = call(broker, State::list_subscriptions, list).await?;
        let configs = found.subscriptions.into_iter().map(Into::into);
        let configs: Vec<json::Subscription> = configs.collect();
        return Ok(list_of("subscriptions", &configs, &found.next_page_token));
    };
    let (id, verb) = id.split_once(':').unwrap_or((id, ""));
    let subscription = format!("projects/{project}/subscriptions/{id}");
    match (method.as_str(), verb) {
        ("GET", "") => {
            let get = proto::GetSubscriptionRequest { subscription };
            ok::<json::Subscription>(call(broker, State::get_subscription, get).await?)
        }
        ("PUT", "") => {
            let mut config = body::<json::Subscription>(request).await?.into_proto()?;
            config.name = subscription;
            ok::<json::Subscription>(call(broker, State::create_subscription, config).await?)
        }
        ("PATCH", "") => {
            let update: UpdateSubscription = body(request).await?;
            let mut config = update.subscription.into_proto()?;
            config.name = subscription;
            let update = proto::UpdateSubscriptionRequest {
                subscription: Some(config),
                update_mask: Some(mask(&update.update_mask)),
            };
            ok::<json::Subscription>(call(broker, State::update_subscription, update).await?)
        }
        ("DELETE", "") => {
            let delete = proto::DeleteSubscriptionRequest { subscription };
            done(call(broker, State::delete_subscription, delete).await?)
        }
        ("POST", "modifyPushConfig") => {
            let modify: ModifyPushConfig = body(request).await?;
            let modify = proto::ModifyPushConfigRequest {
                subscription,
                push_config: modify.push_config.map(Into::into),
            };
            done(call(broker, State::modify_push_config, modify).await?)
        }
        ("POST", "detach") => {
            let detach = proto::DetachSubscriptionRequest { subscription };
            let proto::DetachSubscriptionResponse {} =
                call(broker, State::detach_subscription, detach).await?;
            done(())
        }
        ("POST", "seek") => {
            let target = body::<Seek>(request).await?.target();
            let seek = proto::SeekRequest {
                subscription,
                target,
            };
            let proto::SeekResponse {} = call(broker, State::seek, seek).await?;
            done(())
        }
        ("POST", "pull") => {
            let asked: Pull = body(request).await?;
            let wanted = proto::PullRequest {
                subscription,
                max_messages: asked.max_messages,
                return_immediately: asked.return_immediately,
            };
            ok::<messages::Pulled>(pull::pull(Arc::clone(broker), wanted).await?)
        }
        ("POST", "acknowledge") => {
            let ack_ids = body::<AckIds>(request).await?.ack_ids;
            let acknowledge = proto::AcknowledgeRequest {
                subscription,
                ack_ids,
            };
            done(call(broker, State::acknowledge, acknowledge).await?)
        }
        ("POST", "modifyAckDeadline") => {
            let asked: AckIds = body(request).await?;
            let modify = proto::ModifyAckDeadlineRequest {
                subscription,
                ack_ids: asked.ack_ids,
                ack_deadline_seconds: asked.ack_deadline_seconds,
            };
            done(call(broker, State::modify_ack_deadline, modify).await?)
        }
        _ => Err(Error::unimplemented(&method, &path)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UpdateTopic {
    topic: json::Topic,
    update_mask: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UpdateSubscription {
    subscription: json::Subscription,
    update_mask: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ModifyPushConfig {
    push_config: Option<json::PushConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seek {
    time: Option<DateTime<Utc>>,
    snapshot: Option<String>,
}

impl Seek {
    fn target(self) -> Option<Target> {
        let time = self.time.map(|time| {
            Target::Time(prost_types::Timestamp {
                seconds: time.timestamp(),
                nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
            })
        });
        time.or(self.snapshot.map(Target::Snapshot))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Pull {
    max_messages: i32,
    return_immediately: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AckIds {
    ack_ids: Vec<String>,
    ack_deadline_seconds: i32,
}

async fn call<Q, R>(
    broker: &Broker,
    make: impl FnOnce(&mut State, Q, &mut Vec<Change>) -> Result<R, Status>,
    request: Q,
) -> Result<R, Error> {
    let made = broker.change(|state, changes| make(state, request, changes));
    Ok(made.await?)
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    rest::json(request).await
}

fn ok<J: Serialize>(body: impl Into<J>) -> Result<Response, Error> {
    Ok(rest::ok(&body.into()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "stands where a call with an answer may stand"
)]
fn done((): ()) -> Result<Response, Error> {
    Ok(rest::ok(&json!({})))
}

fn list_of(field: &str, items: &impl Serialize, next_page_token: &str) -> Response {
    let mut body = json!({ field: items });
    if !next_page_token.is_empty()
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert("nextPageToken".to_owned(), Value::from(next_page_token));
    }
    rest::ok(&body)
}

fn page(request: &Request) -> Page {
    let mut page = Page::default();
    for (key, value) in rest::query(request) {
        match key.as_str() {
            "pageSize" => page.size = value.parse().unwrap_or_default(),
            "pageToken" => page.token = value,
            _ => {}
        }
    }
    page
}

/// JSON names fields in camel case, protobuf in snake case.
fn mask(text: &str) -> prost_types::FieldMask {
    let mut snake = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    let paths = snake.split(',').filter(|path| !path.is_empty());
    prost_types::FieldMask {
        paths: paths.map(str::to_owned).collect(),
    }
}
