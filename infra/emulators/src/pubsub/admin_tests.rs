//! Administration as a client sees it, in gRPC and in JSON.

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use serde_json::{Value, json};
use tonic::Code;

use super::wire::{Wire, texts};

#[tokio::test]
async fn resources_are_created_once_and_missing_ones_are_named() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("made").await;
    let again = proto::Topic {
        name: topic.clone(),
        ..Default::default()
    };
    let made: Result<proto::Topic, Code> = wire.grpc("CreateTopic", &again).await;
    assert_eq!(made, Err(Code::AlreadyExists));
    let (status, body) = wire
        .rest("PUT", "/v1/projects/demo/topics/made", json!({}))
        .await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (409, &json!("ALREADY_EXISTS"))
    );
    let (status, _) = wire
        .rest("PUT", "/v1/projects/demo/topics/no", json!({}))
        .await;
    assert_eq!(status, 400, "an id has at least three characters");
    let (status, body) = wire
        .rest("GET", "/v1/projects/demo/topics/missing", Value::Null)
        .await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (404, &json!("NOT_FOUND"))
    );
    let publish = proto::PublishRequest {
        topic: "projects/demo/topics/missing".to_owned(),
        ..Default::default()
    };
    let published: Result<proto::PublishResponse, Code> = wire.grpc("Publish", &publish).await;
    assert_eq!(published, Err(Code::NotFound));
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let wire = Wire::at(1.0);
    wire.topic("topic").await;
    let snapshot: Result<(), Code> = wire.grpc("CreateSnapshot", &()).await;
    assert_eq!(snapshot, Err(Code::Unimplemented));
    let path = "/v1/projects/demo/snapshots/snap";
    let (status, body) = wire.rest("GET", path, Value::Null).await;
    assert_eq!(status, 400, "{body}");
    let config =
        json!({ "topic": "projects/demo/topics/topic", "bigqueryConfig": { "table": "t" }});
    let (status, body) = wire
        .rest("PUT", "/v1/projects/demo/subscriptions/sub", config)
        .await;
    assert_eq!(status, 400);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("bigqueryConfig"), "{message}");
}

#[tokio::test]
async fn a_subscription_is_read_back_in_json_with_the_services_defaults() {
    let wire = Wire::at(1.0);
    wire.topic("topic").await;
    wire.topic("dead").await;
    let path = "/v1/projects/demo/subscriptions/sub";
    let config = json!({
        "topic": "projects/demo/topics/topic",
        "pushConfig": {
            "pushEndpoint": "http://127.0.0.1:1/push",
            "oidcToken": { "serviceAccountEmail": "fn@demo.iam.gserviceaccount.com" },
        },
        "deadLetterPolicy": { "deadLetterTopic": "projects/demo/topics/dead" },
        "retryPolicy": { "minimumBackoff": "1.5s" },
        "filter": "attributes:kind",
    });
    let (status, made) = wire.rest("PUT", path, config).await;
    assert_eq!(status, 200, "{made}");
    let expected = json!({
        "name": "projects/demo/subscriptions/sub",
        "topic": "projects/demo/topics/topic",
        "pushConfig": {
            "pushEndpoint": "http://127.0.0.1:1/push",
            "oidcToken": { "serviceAccountEmail": "fn@demo.iam.gserviceaccount.com" },
        },
        "ackDeadlineSeconds": 10,
        "messageRetentionDuration": "604800s",
        "expirationPolicy": { "ttl": "2678400s" },
        "filter": "attributes:kind",
        "deadLetterPolicy": {
            "deadLetterTopic": "projects/demo/topics/dead",
            "maxDeliveryAttempts": 5,
        },
        "retryPolicy": { "minimumBackoff": "1.500000000s", "maximumBackoff": "600s" },
        "state": "ACTIVE",
    });
    assert_eq!(made, expected);
    let update = json!({
        "subscription": { "ackDeadlineSeconds": 600, "labels": { "a": "b" } },
        "updateMask": "ackDeadlineSeconds,labels,deadLetterPolicy",
    });
    let (_, changed) = wire.rest("PATCH", path, update).await;
    assert_eq!(changed["ackDeadlineSeconds"], 600);
    assert_eq!(changed["labels"], json!({ "a": "b" }));
    assert_eq!(
        changed.get("deadLetterPolicy"),
        None,
        "masked and not given"
    );
    assert_eq!(changed["retryPolicy"], expected["retryPolicy"]);
    let update = json!({ "subscription": { "filter": "" }, "updateMask": "filter" });
    let (status, _) = wire.rest("PATCH", path, update).await;
    assert_eq!(status, 400, "a filter never changes");
    let modify = json!({ "pushConfig": {} });
    let (status, _) = wire
        .rest("POST", &format!("{path}:modifyPushConfig"), modify)
        .await;
    assert_eq!(status, 200);
    let (_, pulls) = wire.rest("GET", path, Value::Null).await;
    assert_eq!(pulls["pushConfig"], json!({}));
    let (status, _) = wire.rest("DELETE", path, Value::Null).await;
    assert_eq!(status, 200);
    let (status, _) = wire.rest("GET", path, Value::Null).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn lists_are_paged_and_by_project() {
    let wire = Wire::at(1.0);
    for id in ["aaa", "bbb", "ccc"] {
        let topic = wire.topic(id).await;
        wire.subscription(&topic, id, |_| {}).await;
    }
    let path = "/v1/projects/demo/topics?pageSize=2";
    let (_, first) = wire.rest("GET", path, Value::Null).await;
    assert_eq!(first["topics"].as_array().unwrap().len(), 2);
    let token = first["nextPageToken"].as_str().unwrap();
    let (_, second) = wire
        .rest("GET", &format!("{path}&pageToken={token}"), Value::Null)
        .await;
    assert_eq!(second["topics"][0]["name"], "projects/demo/topics/ccc");
    assert_eq!(second.get("nextPageToken"), None);
    let (_, other) = wire
        .rest("GET", "/v1/projects/other/subscriptions", Value::Null)
        .await;
    assert_eq!(other["subscriptions"], json!([]));
    let path = "/v1/projects/demo/topics/bbb/subscriptions";
    let (_, of_topic) = wire.rest("GET", path, Value::Null).await;
    let expected = json!({ "subscriptions": ["projects/demo/subscriptions/bbb"] });
    assert_eq!(of_topic, expected);
}

#[tokio::test]
async fn subscriptions_of_a_deleted_topic_keep_their_messages() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire.subscription(&topic, "sub", |_| {}).await;
    wire.publish(&topic, &[("kept", "")]).await;
    let delete = proto::DeleteTopicRequest {
        topic: topic.clone(),
    };
    wire.grpc::<()>("DeleteTopic", &delete).await.unwrap();
    assert_eq!(wire.stats(&sub).topic, "_deleted-topic_");
    assert_eq!(texts(&wire.pull(&sub).await), ["kept"]);
    wire.topic("topic").await;
    wire.publish(&topic, &[("not delivered", "")]).await;
    assert_eq!(wire.stats(&sub).undelivered, 1);
}

#[tokio::test]
async fn a_seek_into_the_future_clears_a_subscription() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire.subscription(&topic, "sub", |_| {}).await;
    wire.publish(&topic, &[("old", "")]).await;
    let seek = json!({ "time": "2100-01-01T00:00:00Z" });
    let path = format!("/v1/{sub}:seek");
    assert_eq!(wire.rest("POST", &path, seek).await.0, 200);
    assert!(wire.pull(&sub).await.is_empty());
    let seek = json!({ "snapshot": "projects/demo/snapshots/snap" });
    assert_eq!(wire.rest("POST", &path, seek).await.0, 400);
}

#[tokio::test]
async fn messages_are_published_and_pulled_in_json() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire.subscription(&topic, "sub", |_| {}).await;
    let publish = json!({ "messages": [{ "data": "aGk=", "attributes": { "k": "v" } }] });
    let (_, published) = wire
        .rest("POST", &format!("/v1/{topic}:publish"), publish)
        .await;
    assert_eq!(published, json!({ "messageIds": ["1"] }));
    let pull = json!({ "maxMessages": 1 });
    let (_, pulled) = wire.rest("POST", &format!("/v1/{sub}:pull"), pull).await;
    let received = &pulled["receivedMessages"][0];
    assert_eq!(received["message"]["data"], "aGk=");
    let acknowledge = json!({ "ackIds": [received["ackId"]] });
    let path = format!("/v1/{sub}:acknowledge");
    assert_eq!(wire.rest("POST", &path, acknowledge).await.0, 200);
    let (_, stats) = wire.rest("GET", "/emulator/pubsub", Value::Null).await;
    let expected = json!({
        "topics": [{ "name": topic, "published": 1 }],
        "subscriptions": [{
            "name": sub, "topic": topic, "undelivered": 0, "outstanding": 0,
            "oldest": null, "delivered": 1, "acknowledged": 1,
        }],
    });
    assert_eq!(stats, expected);
}
