//! The wire as a client sees it: administration, pull, streams, restarts, mischief.

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    DeadLetterPolicy, RetryPolicy, StreamingPullRequest,
};
use serde_json::{Value, json};
use tonic::Code;

use super::{
    proto,
    wire::{Wire, texts, until},
};

fn quick(millis: i32) -> RetryPolicy {
    let rest = prost_types::Duration {
        seconds: 0,
        nanos: millis * 1_000_000,
    };
    RetryPolicy {
        minimum_backoff: Some(rest),
        maximum_backoff: Some(rest),
    }
}

fn stream_of(subscription: &str) -> StreamingPullRequest {
    StreamingPullRequest {
        subscription: subscription.to_owned(),
        stream_ack_deadline_seconds: 10,
        protocol_version: 1,
        ..Default::default()
    }
}

#[tokio::test]
async fn resources_are_made_once_and_missed_by_name() {
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
    assert_eq!(status, 400, "an id has three characters at least");
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
async fn what_is_not_served_says_so_by_name() {
    let wire = Wire::at(1.0);
    wire.topic("topic").await;
    let snapshot: Result<(), Code> = wire.grpc("CreateSnapshot", &()).await;
    assert_eq!(snapshot, Err(Code::Unimplemented));
    let path = "/v1/projects/demo/snapshots/snap";
    let (status, body) = wire.rest("GET", path, Value::Null).await;
    assert_eq!(status, 501, "{body}");
    let config =
        json!({ "topic": "projects/demo/topics/topic", "bigqueryConfig": { "table": "t" }});
    let (status, body) = wire
        .rest("PUT", "/v1/projects/demo/subscriptions/sub", config)
        .await;
    assert_eq!(status, 501);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("bigqueryConfig"), "{message}");
}

#[tokio::test]
async fn a_subscription_reads_back_in_json_with_the_services_defaults() {
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
async fn lists_come_in_pages_and_by_project() {
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
async fn a_deleted_topic_leaves_its_subscriptions_what_they_hold() {
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
    wire.publish(&topic, &[("not heard", "")]).await;
    assert_eq!(wire.stats(&sub).undelivered, 1);
}

#[tokio::test]
async fn a_pull_waits_for_a_message_and_a_filter_keeps_others_out() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.filter = "attributes:kind".to_owned()
        })
        .await;
    let (received, ()) = tokio::join!(wire.pull_some(&sub), async {
        let kind = [("kind".to_owned(), "x".to_owned())].into();
        wire.0.publish_inside(&topic, b"plain".to_vec(), [].into());
        wire.0.publish_inside(&topic, b"kind".to_vec(), kind);
    });
    assert_eq!(texts(&received), ["kind"]);
    assert_eq!(
        received[0].delivery_attempt, 0,
        "told with a dead-letter policy only"
    );
    wire.ack(&sub, &received).await;
    assert_eq!(wire.stats(&sub).undelivered, 0);
}

#[tokio::test]
async fn a_stream_delivers_settles_and_keeps_to_its_limits() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire
        .subscription(&topic, "sub", |config| config.retry_policy = Some(quick(0)))
        .await;
    let mut flow = wire
        .stream(&StreamingPullRequest {
            max_outstanding_messages: 2,
            ..stream_of(&sub)
        })
        .await;
    let greeting = flow.next().await.unwrap();
    assert!(greeting.subscription_properties.is_some() && greeting.received_messages.is_empty());
    wire.publish(&topic, &[("a", ""), ("b", ""), ("c", "")])
        .await;
    let (data, ack_ids) = flow.texts().await;
    assert_eq!(data, ["a", "b"]);
    flow.send(&StreamingPullRequest {
        ack_ids: vec![ack_ids[0].clone()],
        ..Default::default()
    });
    let (data, _) = flow.texts().await;
    assert_eq!(data, ["c"]);
    flow.send(&StreamingPullRequest {
        modify_deadline_ack_ids: vec![ack_ids[1].clone()],
        modify_deadline_seconds: vec![0],
        ..Default::default()
    });
    assert_eq!(flow.texts().await.0, ["b"], "refused, so it comes again");
    flow.send(&StreamingPullRequest::default());
    let heartbeat = flow.next().await.unwrap();
    assert_eq!(heartbeat, proto::StreamingPullResponse::default());
    let subscription = sub.clone();
    let delete = proto::DeleteSubscriptionRequest { subscription };
    wire.grpc::<()>("DeleteSubscription", &delete)
        .await
        .unwrap();
    assert_eq!(flow.next().await, Err(Code::NotFound));
}

#[tokio::test]
async fn a_stream_of_nothing_or_with_a_bad_deadline_is_refused() {
    let wire = Wire::at(1.0);
    let missing = stream_of("projects/demo/subscriptions/missing");
    assert_eq!(
        wire.stream(&missing).await.next().await,
        Err(Code::NotFound)
    );
    let topic = wire.topic("topic").await;
    let sub = wire.subscription(&topic, "sub", |_| {}).await;
    let hasty = StreamingPullRequest {
        stream_ack_deadline_seconds: 9,
        ..stream_of(&sub)
    };
    assert_eq!(
        wire.stream(&hasty).await.next().await,
        Err(Code::InvalidArgument)
    );
}

#[tokio::test]
async fn a_message_refused_too_often_goes_to_the_dead_letters() {
    let wire = Wire::at(1.0);
    let (topic, dead) = (wire.topic("topic").await, wire.topic("dead").await);
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.retry_policy = Some(quick(0));
            config.dead_letter_policy = Some(DeadLetterPolicy {
                dead_letter_topic: dead.clone(),
                max_delivery_attempts: 5,
            });
        })
        .await;
    let letters = wire.subscription(&dead, "letters", |_| {}).await;
    wire.publish(&topic, &[("poison", "key")]).await;
    for attempt in 1..=5 {
        let received = wire.pull_some(&sub).await;
        assert_eq!(received[0].delivery_attempt, attempt);
        wire.nack(&sub, &received).await;
    }
    assert_eq!(wire.stats(&sub).undelivered, 0);
    let letter = wire.pull(&letters).await.remove(0).message.unwrap();
    assert_eq!(
        (letter.data, letter.ordering_key),
        (b"poison".to_vec(), "key".to_owned())
    );
    let mut facts: Vec<(String, String)> = letter
        .attributes
        .into_iter()
        .filter(|(key, _)| !key.ends_with("Time"))
        .map(|(key, value)| (key.replace("CloudPubSubDeadLetterSource", ""), value))
        .collect();
    facts.sort();
    let expected = [
        ("DeliveryCount", "5"),
        ("Subscription", "sub"),
        ("SubscriptionProject", "demo"),
    ];
    assert_eq!(
        facts,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn without_the_dead_letter_topic_the_message_stays() {
    let wire = Wire::at(1.0);
    let (topic, dead) = (wire.topic("topic").await, wire.topic("dead").await);
    let policy = DeadLetterPolicy {
        dead_letter_topic: dead.clone(),
        max_delivery_attempts: 5,
    };
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.retry_policy = Some(quick(0));
            config.dead_letter_policy = Some(policy);
        })
        .await;
    let delete = proto::DeleteTopicRequest { topic: dead };
    wire.grpc::<()>("DeleteTopic", &delete).await.unwrap();
    wire.publish(&topic, &[("poison", "")]).await;
    for _ in 0..7 {
        let received = wire.pull_some(&sub).await;
        wire.nack(&sub, &received).await;
    }
    assert_eq!(wire.pull_some(&sub).await[0].delivery_attempt, 8);
}

#[tokio::test]
async fn back_off_and_retention_pass_in_simulated_time() {
    let wire = Wire::at(100_000.0);
    let topic = wire.topic("topic").await;
    let policy = RetryPolicy::default();
    let sub = wire
        .subscription(&topic, "sub", |config| config.retry_policy = Some(policy))
        .await;
    wire.publish(&topic, &[("again", "")]).await;
    let received = wire.pull_some(&sub).await;
    wire.nack(&sub, &received).await;
    let received = wire.pull_some(&sub).await;
    assert_eq!(texts(&received), ["again"], "after ten simulated seconds");
    until(|| {
        let stats = wire.stats(&sub);
        // Seven simulated days are six seconds here; the lease does not keep the message.
        stats.undelivered == 0
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_what_was_not_acknowledged_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("db");
    let wire = Wire::reopen(&file);
    let topic = wire.topic("topic").await;
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.enable_message_ordering = true
        })
        .await;
    let before = wire
        .publish(&topic, &[("a", "k"), ("b", "k"), ("c", "")])
        .await;
    let received = wire.pull(&sub).await;
    wire.ack(&sub, &received[..1]).await;
    drop(wire);

    let wire = Wire::reopen(&file);
    let after = wire.publish(&topic, &[("d", "k")]).await;
    let id = |text: &String| text.parse::<u64>().unwrap();
    assert!(
        before.iter().all(|old| id(old) < id(&after[0])),
        "{before:?} {after:?}"
    );
    let mut received = wire.pull(&sub).await;
    received.sort_by_key(|it| id(&it.message.as_ref().unwrap().message_id));
    assert_eq!(texts(&received), ["b", "c", "d"]);
    assert_eq!(received[0].message.as_ref().unwrap().ordering_key, "k");
    let subscription = sub.clone();
    let delete = proto::DeleteSubscriptionRequest { subscription };
    wire.grpc::<()>("DeleteSubscription", &delete)
        .await
        .unwrap();
    drop(wire);

    let wire = Wire::reopen(&file);
    let sub = wire.subscription(&topic, "sub", |_| {}).await;
    assert_eq!(wire.stats(&sub).undelivered, 0);
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
    assert_eq!(wire.rest("POST", &path, seek).await.0, 501);
}

#[tokio::test]
async fn a_terminal_publishes_and_pulls_in_json() {
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

#[tokio::test]
async fn mischief_doubles_and_turns_round_on_request() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let early = wire.subscription(&topic, "early", |_| {}).await;
    let ask = json!({ "subscription": "*", "times": 1, "every": true, "reverse": true });
    let path = "/emulator/pubsub/duplicate";
    assert_eq!(wire.rest("POST", path, ask).await.0, 200);
    let late = wire.subscription(&topic, "late", |_| {}).await;
    wire.publish(&topic, &[("a", ""), ("b", "")]).await;
    for sub in [early, late] {
        let received = wire.pull_some(&sub).await;
        assert_eq!(texts(&received), ["b", "b", "a", "a"]);
        // Either copy settles the message.
        wire.ack(&sub, &[received[1].clone(), received[2].clone()])
            .await;
        assert_eq!(wire.stats(&sub).undelivered, 0);
    }
    let ask = json!({ "subscription": "projects/demo/subscriptions/missing", "times": 1 });
    assert_eq!(wire.rest("POST", path, ask).await.0, 404);
}
