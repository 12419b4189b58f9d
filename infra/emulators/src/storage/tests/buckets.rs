//! Buckets: created, returned, changed, listed, deleted.

use serde_json::{Value, json};

use super::Service;

#[tokio::test]
async fn a_bucket_returns_what_was_set() {
    let service = Service::new().await;
    let resource = json!({
        "name": "acme-data",
        "location": "europe-west4",
        "labels": {"team": "ml"},
        "versioning": {"enabled": true},
        "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 30}}]},
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}},
    });
    let made = service
        .post("/storage/v1/b?project=p", resource.clone())
        .await;
    assert_eq!(made.outcome(), "200");
    let got = service.get("/storage/v1/b/acme-data").await.json();
    assert_eq!(got, made.json());
    assert_eq!(got["location"], "EUROPE-WEST4");
    assert_eq!(got["locationType"], "region");
    assert_eq!(got["storageClass"], "STANDARD");
    assert_eq!(got["metageneration"], "1");
    for key in ["labels", "versioning", "lifecycle"] {
        assert_eq!(got[key], resource[key], "{key}");
    }
    let uniform = got.pointer("/iamConfiguration/uniformBucketLevelAccess/enabled");
    assert_eq!(uniform, Some(&Value::Bool(true)));
}

#[tokio::test]
async fn a_patch_of_a_bucket_merges_and_null_removes() {
    let service = Service::new().await;
    let uri = "/storage/v1/b/bkt";
    let patch = json!({"labels": {"a": "1", "b": "2"}, "location": "EU"});
    service.call("PATCH", uri, &[], patch.to_string()).await;
    let patch = json!({"labels": {"a": null, "c": "3"}});
    let got = service
        .call("PATCH", uri, &[], patch.to_string())
        .await
        .json();
    assert_eq!(got["labels"], json!({"b": "2", "c": "3"}));
    assert_eq!(got["location"], "US", "a bucket does not move");
    assert_eq!(got["metageneration"], "3");
}

#[tokio::test]
async fn buckets_are_refused_with_the_reasons_of_production() {
    let service = Service::new().await;
    let uri = "/storage/v1/b?project=p";
    let rows = [
        (uri, json!({"name": "b"}), "400 invalid"),
        (uri, json!({"name": "b-1"}), "200"),
        (uri, json!({"name": "b-1"}), "409 conflict"),
        (uri, json!({}), "400 required"),
        ("/storage/v1/b", json!({"name": "b-2"}), "400 required"),
        (
            "/storage/v1/b/none/notificationConfigs",
            json!({}),
            "400 required",
        ),
    ];
    for (uri, body, outcome) in rows {
        let answer = service.post(uri, body.clone()).await;
        assert_eq!(answer.outcome(), outcome, "{uri} {body}");
    }
    assert_eq!(
        service.get("/storage/v1/b/none").await.outcome(),
        "404 notFound"
    );
    assert_eq!(
        service.delete("/storage/v1/b/none").await.outcome(),
        "404 notFound"
    );
}

#[tokio::test]
async fn a_bucket_is_deleted_only_when_it_is_empty() {
    let service = Service::versioned().await;
    let generation = service.put("o", "x").await;
    assert_eq!(
        service.delete("/storage/v1/b/bkt").await.outcome(),
        "409 conflict"
    );
    service.delete("/storage/v1/b/bkt/o/o").await;
    let archived = service.delete("/storage/v1/b/bkt").await;
    assert_eq!(
        archived.outcome(),
        "409 conflict",
        "an archived generation counts"
    );
    service
        .delete(&format!("/storage/v1/b/bkt/o/o?generation={generation}"))
        .await;
    assert_eq!(service.delete("/storage/v1/b/bkt").await.outcome(), "204");
    assert_eq!(
        service.get("/storage/v1/b/bkt/o").await.outcome(),
        "404 notFound"
    );
}

#[tokio::test]
async fn a_bucket_has_a_flat_layout_and_no_managed_folders() {
    let service = Service::new().await;
    let layout = service.get("/storage/v1/b/bkt/storageLayout").await.json();
    assert_eq!(layout["bucket"], "bkt");
    assert_eq!(layout["location"], "US");
    assert_eq!(layout["hierarchicalNamespace"]["enabled"], false);
    let folders = service.get("/storage/v1/b/bkt/managedFolders").await;
    assert_eq!(folders.json()["items"], json!([]));
    for call in ["storageLayout", "managedFolders"] {
        let uri = format!("/storage/v1/b/none/{call}");
        assert_eq!(service.get(&uri).await.outcome(), "404 notFound", "{call}");
    }
}

#[tokio::test]
async fn buckets_are_listed_by_project_in_pages() {
    let service = Service::new().await;
    for (project, name) in [("q", "q-1"), ("q", "q-2"), ("q", "q-3"), ("r", "q-4")] {
        let uri = format!("/storage/v1/b?project={project}");
        service.post(&uri, json!({"name": name})).await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let uri = format!("/storage/v1/b?project=q&prefix=q-&maxResults=2&pageToken={token}");
        let page = service.get(&uri).await.json();
        for bucket in page["items"].as_array().unwrap() {
            seen.push(bucket["name"].as_str().unwrap().to_owned());
        }
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen, ["q-1", "q-2", "q-3"]);
}
