//! Delivery as a client sees it: pull, streams, dead letters, restarts, delivery faults.

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    DeadLetterPolicy, RetryPolicy, StreamingPullRequest,
};
use serde_json::json;
use tonic::Code;

use super::wire::{Wire, texts};

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
async fn a_pull_waits_for_a_message_and_a_filter_drops_others() {
    let wire = Wire::at(1.0);
    let topic = wire.topic("topic").await;
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.filter = "attributes:kind".to_owned();
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
        "set with a dead-letter policy only"
    );
    wire.ack(&sub, &received).await;
    assert_eq!(wire.stats(&sub).undelivered, 0);
}

#[tokio::test]
async fn a_stream_delivers_acknowledges_and_respects_its_limits() {
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
    assert_eq!(flow.texts().await.0, ["b"], "refused, so it is redelivered");
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
async fn a_stream_without_a_subscription_or_with_a_bad_deadline_is_refused() {
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
    let wire = Wire::at(1000.0);
    let topic = wire.topic("topic").await;
    let again = wire
        .subscription(&topic, "again", |config| {
            // Ten seconds at least.
            config.retry_policy = Some(RetryPolicy::default());
        })
        .await;
    let brief = wire
        .subscription(&topic, "brief", |config| {
            let (seconds, nanos) = (600, 0);
            config.message_retention_duration = Some(prost_types::Duration { seconds, nanos });
        })
        .await;
    wire.publish(&topic, &[("a", "")]).await;
    let received = wire.pull_some(&again).await;
    wire.nack(&again, &received).await;
    assert_eq!(texts(&wire.pull_some(&again).await), ["a"]);
    wire.drained(&brief).await;
    assert_eq!(
        wire.stats(&brief).acknowledged,
        0,
        "dropped, not acknowledged"
    );
    assert_eq!(wire.stats(&again).undelivered, 1, "kept for seven days");
}

#[tokio::test]
async fn a_restart_keeps_unacknowledged_messages_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("db");
    let wire = Wire::reopen(&file);
    let topic = wire.topic("topic").await;
    let sub = wire
        .subscription(&topic, "sub", |config| {
            config.enable_message_ordering = true;
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
async fn messages_are_duplicated_and_reversed_on_request() {
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
        // Acknowledging either copy acknowledges the message.
        wire.ack(&sub, &[received[1].clone(), received[2].clone()])
            .await;
        assert_eq!(wire.stats(&sub).undelivered, 0);
    }
    let ask = json!({ "subscription": "projects/demo/subscriptions/missing", "times": 1 });
    assert_eq!(wire.rest("POST", path, ask).await.0, 404);
}
