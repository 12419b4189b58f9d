//! Generations of versioned buckets.

use serde_json::Value;

use super::Service;

async fn generations(service: &Service, versions: bool) -> Vec<(String, bool)> {
    let uri = format!("/storage/v1/b/bkt/o?versions={versions}");
    let listed = service.get(&uri).await.json();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let row = |item: &Value| {
        let generation = item["generation"].as_str().unwrap().to_owned();
        (generation, item["timeDeleted"].is_string())
    };
    items.iter().map(row).collect()
}

#[tokio::test]
async fn a_versioned_bucket_keeps_what_is_overwritten_and_deleted() {
    let service = Service::versioned().await;
    let first = service.put("o", "first").await;
    let second = service.put("o", "second").await;
    let both = [(first.clone(), true), (second.clone(), false)];
    assert_eq!(generations(&service, true).await, both);
    assert_eq!(
        generations(&service, false).await,
        [(second.clone(), false)]
    );
    assert_eq!(service.read("o", "").await, "second");
    assert_eq!(
        service.read("o", &format!("&generation={first}")).await,
        "first"
    );

    assert_eq!(
        service.delete("/storage/v1/b/bkt/o/o").await.outcome(),
        "204"
    );
    assert_eq!(service.read("o", "").await, "404 notFound");
    assert_eq!(
        service.read("o", &format!("&generation={second}")).await,
        "second"
    );
    assert_eq!(
        service.delete("/storage/v1/b/bkt/o/o").await.outcome(),
        "404 notFound"
    );
    let both = [(first.clone(), true), (second.clone(), true)];
    assert_eq!(generations(&service, true).await, both);
    assert_eq!(
        service
            .put_with("o", "third", "&ifGenerationMatch=0")
            .await
            .outcome(),
        "200"
    );

    let uri = format!("/storage/v1/b/bkt/o/o?generation={first}");
    assert_eq!(service.delete(&uri).await.outcome(), "204");
    assert_eq!(service.get(&uri).await.outcome(), "404 notFound");
    assert_eq!(generations(&service, true).await.len(), 2);
}

#[tokio::test]
async fn deleting_the_live_generation_by_number_leaves_none_live() {
    let service = Service::versioned().await;
    let first = service.put("o", "first").await;
    let second = service.put("o", "second").await;
    service
        .delete(&format!("/storage/v1/b/bkt/o/o?generation={second}"))
        .await;
    assert_eq!(service.read("o", "").await, "404 notFound");
    assert_eq!(generations(&service, true).await, [(first, true)]);
}

#[tokio::test]
async fn an_unversioned_bucket_drops_overwritten_generations() {
    let service = Service::new().await;
    let first = service.put("o", "first").await;
    service.put("o", "second").await;
    assert_eq!(
        service.read("o", &format!("&generation={first}")).await,
        "404 notFound"
    );
    assert_eq!(generations(&service, true).await.len(), 1);
}

#[tokio::test]
async fn an_old_generation_can_be_restored_and_described() {
    let service = Service::versioned().await;
    let first = service.put("o", "first").await;
    service.put("o", "second").await;
    let back = format!("/storage/v1/b/bkt/o/o/copyTo/b/bkt/o/o?sourceGeneration={first}");
    assert_eq!(service.call("POST", &back, &[], "").await.outcome(), "200");
    assert_eq!(service.read("o", "").await, "first");
    let uri = format!("/storage/v1/b/bkt/o/o?generation={first}");
    let patched = service
        .call("PATCH", &uri, &[], r#"{"metadata":{"old":"1"}}"#)
        .await;
    assert_eq!(patched.generation(), first);
    assert_eq!(patched.json()["metageneration"], "2");
    assert_eq!(generations(&service, true).await.len(), 3);
}
