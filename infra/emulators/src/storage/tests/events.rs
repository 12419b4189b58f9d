//! Notifications: which messages are published.

use serde_json::{Value, json};

use super::{Published, Service};

const TOPIC: &str = "//pubsub.googleapis.com/projects/p/topics/t";

async fn configure(service: &Service, config: Value) -> Value {
    let made = service
        .post("/storage/v1/b/bkt/notificationConfigs", config)
        .await;
    assert_eq!(made.outcome(), "200", "{made:?}");
    made.json()
}

fn published(service: &Service) -> Vec<Published> {
    std::mem::take(&mut *service.published.lock().unwrap())
}

/// Event types, generations, and the other generation where there is one.
fn summary(published: &[Published]) -> Vec<String> {
    let line = |(_, _, attributes): &Published| {
        let other = attributes
            .get("overwroteGeneration")
            .or(attributes.get("overwrittenByGeneration"));
        let (event, generation) = (&attributes["eventType"], &attributes["objectGeneration"]);
        match other {
            Some(other) => format!("{event} {generation} {other}"),
            None => format!("{event} {generation}"),
        }
    };
    published.iter().map(line).collect()
}

#[tokio::test]
async fn a_finalized_object_is_published_as_in_production() {
    let service = Service::new().await;
    configure(
        &service,
        json!({
            "topic": TOPIC,
            "payload_format": "JSON_API_V1",
            "event_types": ["OBJECT_FINALIZE"],
            "object_name_prefix": "raw/",
            "custom_attributes": {"stage": "test"},
        }),
    )
    .await;
    service.put("other", "x").await;
    let made = service.put_with("raw/o", "x", "").await;
    let published = published(&service);
    let [(topic, data, attributes)] = published.as_slice() else {
        panic!("expected one message, found {published:?}")
    };
    assert_eq!(topic, "projects/p/topics/t");
    let payload: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(payload, made.json());
    let rows = [
        (
            "notificationConfig",
            "projects/_/buckets/bkt/notificationConfigs/1",
        ),
        ("eventType", "OBJECT_FINALIZE"),
        ("payloadFormat", "JSON_API_V1"),
        ("bucketId", "bkt"),
        ("objectId", "raw/o"),
        ("objectGeneration", &made.generation()),
        ("stage", "test"),
    ];
    for (key, value) in rows {
        assert_eq!(attributes[key], value, "{key}");
    }
    assert!(attributes["eventTime"].ends_with('Z'));
    assert_eq!(attributes.len(), rows.len() + 1, "{attributes:?}");
}

#[tokio::test]
async fn each_change_is_published_once() {
    let service = Service::new().await;
    configure(&service, json!({"topic": TOPIC, "payload_format": "NONE"})).await;
    let first = service.put("o", "1").await;
    let second = service.put("o", "2").await;
    service
        .call("PATCH", "/storage/v1/b/bkt/o/o", &[], "{}")
        .await;
    service.delete("/storage/v1/b/bkt/o/o").await;
    service.put_with("o", "3", "&ifGenerationMatch=1").await;
    let published = published(&service);
    assert_eq!(
        summary(&published),
        [
            format!("OBJECT_FINALIZE {first}"),
            format!("OBJECT_FINALIZE {second} {first}"),
            format!("OBJECT_DELETE {first} {second}"),
            format!("OBJECT_METADATA_UPDATE {second}"),
            format!("OBJECT_DELETE {second}"),
        ]
    );
    assert!(
        published.iter().all(|(_, data, _)| data.is_empty()),
        "NONE has no payload"
    );
}

#[tokio::test]
async fn a_versioned_bucket_publishes_archiving() {
    let service = Service::versioned().await;
    configure(&service, json!({"topic": TOPIC, "payload_format": "NONE"})).await;
    let first = service.put("o", "1").await;
    let second = service.put("o", "2").await;
    service.delete("/storage/v1/b/bkt/o/o").await;
    service
        .delete(&format!("/storage/v1/b/bkt/o/o?generation={first}"))
        .await;
    assert_eq!(
        summary(&published(&service)),
        [
            format!("OBJECT_FINALIZE {first}"),
            format!("OBJECT_FINALIZE {second} {first}"),
            format!("OBJECT_ARCHIVE {first} {second}"),
            format!("OBJECT_ARCHIVE {second}"),
            format!("OBJECT_DELETE {first}"),
        ]
    );
}

#[tokio::test]
async fn a_topic_without_the_services_prefix_is_the_same_topic() {
    let service = Service::new().await;
    let config = json!({"topic": "projects/p/topics/t", "payload_format": "NONE"});
    assert_eq!(configure(&service, config).await["topic"], TOPIC);
    service.put("o", "x").await;
    assert_eq!(published(&service)[0].0, "projects/p/topics/t");
}

#[tokio::test]
async fn configurations_are_stored_listed_and_deleted() {
    let service = Service::new().await;
    let uri = "/storage/v1/b/bkt/notificationConfigs";
    let config = json!({"topic": TOPIC, "payload_format": "NONE"});
    let made = configure(&service, config.clone()).await;
    assert_eq!(made["id"], "1");
    assert_eq!(made["topic"], TOPIC);
    assert_eq!(service.get(&format!("{uri}/1")).await.json(), made);
    assert_eq!(service.get(uri).await.json()["items"], json!([made]));
    assert_eq!(service.delete(&format!("{uri}/1")).await.outcome(), "204");
    assert_eq!(
        service.get(&format!("{uri}/1")).await.outcome(),
        "404 notFound"
    );
    assert_eq!(
        configure(&service, config).await["id"],
        "2",
        "an id is not reused"
    );
}
