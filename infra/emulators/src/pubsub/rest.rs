//! The REST API: all of the administration, as Google's Rust client calls it, and publish and
//! pull for the command line.

use std::sync::Arc;

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tonic::Status;

use super::{
    broker::{Broker, State},
    control,
    json::{
        self, messages,
        requests::{AckIds, ModifyPushConfig, Pull, Seek, UpdateSubscription, UpdateTopic},
    },
    page::PageRequest,
    pull,
};
use crate::{
    db::DbChange,
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
            let topics: Vec<json::TopicResource> =
                found.topics.into_iter().map(Into::into).collect();
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
            Ok(resource::<json::TopicResource>(
                call(broker, State::get_topic, get).await?,
            ))
        }
        ("PUT", Some([]), "") => {
            let mut config = body::<json::TopicResource>(request).await?.into_proto()?;
            config.name = topic;
            Ok(resource::<json::TopicResource>(
                call(broker, State::create_topic, config).await?,
            ))
        }
        ("PATCH", Some([]), "") => {
            let update: UpdateTopic = body(request).await?;
            let mut config = update.topic.into_proto()?;
            config.name = topic;
            let update = proto::UpdateTopicRequest {
                topic: Some(config),
                update_mask: Some(mask(&update.update_mask)),
            };
            Ok(resource::<json::TopicResource>(
                call(broker, State::update_topic, update).await?,
            ))
        }
        ("DELETE", Some([]), "") => {
            let delete = proto::DeleteTopicRequest { topic };
            Ok(done(call(broker, State::delete_topic, delete).await?))
        }
        ("POST", Some([]), "publish") => {
            let publish = body::<messages::PublishBody>(request)
                .await?
                .into_proto(topic)?;
            Ok(resource::<messages::Published>(
                call(broker, State::publish, publish).await?,
            ))
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
        let configs: Vec<json::SubscriptionResource> = configs.collect();
        return Ok(list_of("subscriptions", &configs, &found.next_page_token));
    };
    let (id, verb) = id.split_once(':').unwrap_or((id, ""));
    let subscription = format!("projects/{project}/subscriptions/{id}");
    match (method.as_str(), verb) {
        ("GET", "") => {
            let get = proto::GetSubscriptionRequest { subscription };
            Ok(resource::<json::SubscriptionResource>(
                call(broker, State::get_subscription, get).await?,
            ))
        }
        ("PUT", "") => {
            let mut config = body::<json::SubscriptionResource>(request)
                .await?
                .into_proto()?;
            config.name = subscription;
            Ok(resource::<json::SubscriptionResource>(
                call(broker, State::create_subscription, config).await?,
            ))
        }
        ("PATCH", "") => {
            let update: UpdateSubscription = body(request).await?;
            let mut config = update.subscription.into_proto()?;
            config.name = subscription;
            let update = proto::UpdateSubscriptionRequest {
                subscription: Some(config),
                update_mask: Some(mask(&update.update_mask)),
            };
            Ok(resource::<json::SubscriptionResource>(
                call(broker, State::update_subscription, update).await?,
            ))
        }
        ("DELETE", "") => {
            let delete = proto::DeleteSubscriptionRequest { subscription };
            Ok(done(
                call(broker, State::delete_subscription, delete).await?,
            ))
        }
        ("POST", verb) => verb_of(broker, subscription, verb, request).await,
        _ => Err(Error::unimplemented(&method, &path)),
    }
}

/// `POST …/subscriptions/{subscription}:{verb}`.
async fn verb_of(
    broker: &Arc<Broker>,
    subscription: String,
    verb: &str,
    request: Request,
) -> Result<Response, Error> {
    match verb {
        "modifyPushConfig" => {
            let modify: ModifyPushConfig = body(request).await?;
            let modify = proto::ModifyPushConfigRequest {
                subscription,
                push_config: modify.push_config.map(Into::into),
            };
            Ok(done(call(broker, State::modify_push_config, modify).await?))
        }
        "detach" => {
            let detach = proto::DetachSubscriptionRequest { subscription };
            let proto::DetachSubscriptionResponse {} =
                call(broker, State::detach_subscription, detach).await?;
            Ok(done(()))
        }
        "seek" => {
            let target = body::<Seek>(request).await?.target();
            let seek = proto::SeekRequest {
                subscription,
                target,
            };
            let proto::SeekResponse {} = call(broker, State::seek, seek).await?;
            Ok(done(()))
        }
        "pull" => {
            let request: Pull = body(request).await?;
            let wanted = request.into_proto(subscription);
            Ok(resource::<messages::Pulled>(
                pull::pull(Arc::clone(broker), wanted).await?,
            ))
        }
        "acknowledge" => {
            let ack_ids = body::<AckIds>(request).await?.ack_ids;
            let acknowledge = proto::AcknowledgeRequest {
                subscription,
                ack_ids,
            };
            Ok(done(call(broker, State::acknowledge, acknowledge).await?))
        }
        "modifyAckDeadline" => {
            let request: AckIds = body(request).await?;
            let modify = proto::ModifyAckDeadlineRequest {
                subscription,
                ack_ids: request.ack_ids,
                ack_deadline_seconds: request.ack_deadline_seconds,
            };
            Ok(done(
                call(broker, State::modify_ack_deadline, modify).await?,
            ))
        }
        _ => Err(Error::unimplemented(request.method(), request.uri().path())),
    }
}

async fn call<Q, R>(
    broker: &Broker,
    act: impl FnOnce(&mut State, &Q, &mut Vec<DbChange>) -> Result<R, Status>,
    request: Q,
) -> Result<R, Error> {
    let outcome = broker.change(|state, changes| act(state, &request, changes));
    Ok(outcome.await?)
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    rest::json(request).await
}

/// A resource as the answer.
fn resource<J: Serialize>(body: impl Into<J>) -> Response {
    rest::ok(&body.into())
}

/// An empty answer.
fn done((): ()) -> Response {
    rest::ok(&json!({}))
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

fn page(request: &Request) -> PageRequest {
    let mut page = PageRequest::default();
    for (key, value) in rest::query(request) {
        match key.as_str() {
            "pageSize" => page.size = value.parse().unwrap_or_default(),
            "pageToken" => page.token = value,
            _ => {}
        }
    }
    page
}

/// Converts JSON's camel case to protobuf's snake case.
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
