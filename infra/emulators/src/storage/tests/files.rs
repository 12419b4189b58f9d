//! The files on disk, and what a restart does with them.

use std::path::Path;

use serde_json::json;

use super::{BASE_URL, Service};
use crate::db::Db;

#[tokio::test]
async fn a_restart_keeps_all_but_unfinished_uploads() {
    let dir = tempfile::tempdir().unwrap();
    let (store, objects) = (dir.path().join("db"), dir.path().join("objects"));
    let first = Service::open(Db::open(&store).unwrap(), Some(&objects));
    let versioned = json!({"name": "bucket", "versioning": {"enabled": true}});
    first.post("/storage/v1/b?project=p", versioned).await;
    let config = json!({"topic": "//pubsub.googleapis.com/projects/p/topics/t",
        "payload_format": "NONE"});
    first
        .post("/storage/v1/b/bucket/notificationConfigs", config)
        .await;
    let upload = "/upload/storage/v1/b/bucket/o?uploadType=media&name=a/b";
    let old = first.call("POST", upload, &[], "old").await.generation();
    let new = first.call("POST", upload, &[], "new").await.generation();
    let start = "/upload/storage/v1/b/bucket/o?uploadType=resumable&name=r";
    let session = first
        .post(start, json!({}))
        .await
        .header("location")
        .to_owned();
    let before = first
        .get("/storage/v1/b/bucket/o?versions=true")
        .await
        .json();
    let buckets = first.get("/storage/v1/b?project=p").await.json();
    let files = || std::fs::read_dir(&objects).unwrap().count();
    assert_eq!(files(), 3);
    // A crash leaves the session's draft file.
    let draft = objects.join("draft-99");
    std::fs::write(&draft, "half").unwrap();
    drop(first);

    let second = Service::open(Db::open(&store).unwrap(), Some(&objects));
    assert_eq!(files(), 2, "drafts are swept");
    let after = second
        .get("/storage/v1/b/bucket/o?versions=true")
        .await
        .json();
    assert_eq!(after, before);
    assert_eq!(second.get("/storage/v1/b?project=p").await.json(), buckets);
    for (generation, text) in [(&old, "old"), (&new, "new")] {
        let uri = format!("/storage/v1/b/bucket/o/a%2Fb?alt=media&generation={generation}");
        assert_eq!(second.get(&uri).await.body, text, "generation {generation}");
    }
    assert_eq!(second.storage.read_inside("bucket", "a/b").unwrap(), "new");
    let path = session.strip_prefix(BASE_URL).unwrap();
    let lost = second
        .call("PUT", path, &[("content-range", "bytes */*")], "")
        .await;
    assert_eq!(lost.outcome(), "404 notFound");
    let next = second.call("POST", upload, &[], "next").await.generation();
    assert!(next.parse::<i64>().unwrap() > new.parse::<i64>().unwrap());
    assert_eq!(
        second.published.lock().unwrap().len(),
        2,
        "finalize and archive"
    );
}

#[tokio::test]
async fn the_file_of_a_generation_is_deleted_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = |path: &Path| std::fs::read_dir(path).unwrap().count();
    let service = Service::open(Db::in_memory().unwrap(), Some(dir.path()));
    service
        .post("/storage/v1/b?project=p", json!({"name": "bkt"}))
        .await;
    service.put("..%2F..%2Fetc%2Fpasswd", "x").await;
    service.put("o", "1").await;
    service.put("o", "2").await;
    assert_eq!(
        files(dir.path()),
        2,
        "an overwritten generation leaves nothing"
    );
    service
        .post("/storage/v1/b/bkt/o/o/copyTo/b/bkt/o/copy", json!({}))
        .await;
    service.delete("/storage/v1/b/bkt/o/o").await;
    assert_eq!(
        service.read("copy", "").await,
        "2",
        "a copy outlives its source"
    );
    let sources = json!({"sourceObjects": [{"name": "copy"}, {"name": "copy"}]});
    service
        .post("/storage/v1/b/bkt/o/both/compose", sources)
        .await;
    assert_eq!(service.read("both", "").await, "22");
    assert_eq!(
        service.read("both", "&ifGenerationMatch=1").await,
        "412 conditionNotMet"
    );
    let refused = service.put_with("o", "3", "&ifGenerationMatch=1").await;
    assert_eq!(refused.outcome(), "412 conditionNotMet");
    assert_eq!(files(dir.path()), 3, "a refused upload leaves nothing");
}
