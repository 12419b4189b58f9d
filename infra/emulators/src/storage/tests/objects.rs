//! Objects: read, ranges, attributes, copies, compositions.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::{Answer, Service};

#[tokio::test]
async fn a_read_has_the_headers_that_clients_need() {
    let service = Service::new().await;
    let generation = service.put("o", "hello world").await;
    service
        .call(
            "PATCH",
            "/storage/v1/b/bkt/o/o",
            &[],
            r#"{"metadata":{"k":"v"}}"#,
        )
        .await;
    let answer = service.get("/storage/v1/b/bkt/o/o?alt=media").await;
    assert_eq!(answer.body, "hello world");
    let rows = [
        ("content-type", "text/plain"),
        ("content-length", "11"),
        ("x-goog-generation", generation.as_str()),
        ("x-goog-metageneration", "2"),
        (
            "x-goog-hash",
            "crc32c=yZRlqg==,md5=XrY7u+Ae7tCTyyK7j1rNww==",
        ),
        ("x-goog-stored-content-length", "11"),
        ("x-goog-stored-content-encoding", "identity"),
        ("x-goog-storage-class", "STANDARD"),
        ("x-goog-meta-k", "v"),
    ];
    for (name, value) in rows {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn a_range_is_a_206_and_one_beyond_the_end_a_416() {
    let service = Service::new().await;
    service.put("o", "hello world").await;
    service.put("empty", "").await;
    let rows = [
        ("o", "bytes=0-4", "206", "hello", "bytes 0-4/11"),
        ("o", "bytes=6-", "206", "world", "bytes 6-10/11"),
        ("o", "bytes=-5", "206", "world", "bytes 6-10/11"),
        ("o", "bytes=-50", "206", "hello world", "bytes 0-10/11"),
        ("o", "bytes=0-0,2-3", "200", "hello world", ""),
        (
            "o",
            "bytes=11-",
            "416 requestedRangeNotSatisfiable",
            "",
            "bytes */11",
        ),
        (
            "empty",
            "bytes=0-",
            "416 requestedRangeNotSatisfiable",
            "",
            "bytes */0",
        ),
    ];
    for (name, range, outcome, body, content_range) in rows {
        let uri = format!("/download/storage/v1/b/bkt/o/{name}?alt=media");
        let answer = service.call("GET", &uri, &[("range", range)], "").await;
        assert_eq!(answer.outcome(), outcome, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        if answer.status.is_success() {
            assert_eq!(answer.body, body, "{range}");
        }
    }
}

#[tokio::test]
async fn a_resource_has_numbers_as_strings_and_omits_absent_fields() {
    let service = Service::new().await;
    service.put("dir%2Fa%20b", "x").await;
    let resource = service.get("/storage/v1/b/bkt/o/dir%2Fa%20b").await.json();
    let keys = resource.as_object().unwrap();
    assert!(keys.values().all(|value| !value.is_null()), "{resource}");
    for key in ["generation", "metageneration", "size"] {
        assert!(keys[key].is_string(), "{key}");
    }
    for key in ["componentCount", "timeDeleted", "metadata"] {
        assert!(!keys.contains_key(key), "{key}");
    }
    let link = format!("{}/storage/v1/b/bkt/o/dir%2Fa%20b", super::BASE_URL);
    assert_eq!(resource["selfLink"], link);
}

#[tokio::test]
async fn an_update_replaces_what_a_patch_merges() {
    let service = Service::new().await;
    service.put("o", "x").await;
    let uri = "/storage/v1/b/bkt/o/o";
    let patch = json!({"metadata": {"a": "1"}, "customTime": "2026-01-02T03:04:05Z"});
    let patched = service
        .call("PATCH", uri, &[], patch.to_string())
        .await
        .json();
    assert_eq!(patched["contentType"], "text/plain");
    assert_eq!(patched["customTime"], "2026-01-02T03:04:05.000Z");
    let update = json!({"metadata": {"b": "2"}});
    let updated = service
        .call("PUT", uri, &[], update.to_string())
        .await
        .json();
    assert_eq!(updated["metadata"], json!({"b": "2"}));
    assert_eq!(updated["contentType"], Value::Null);
    assert_eq!(updated["metageneration"], "3");
    assert_eq!(updated["generation"], patched["generation"]);
    assert_eq!(updated["storageClass"], "STANDARD");
}

#[tokio::test]
async fn a_copy_has_the_attributes_of_its_source_unless_others_are_given() {
    let service = Service::new().await;
    service.put("o", "x").await;
    let copied = service
        .post("/storage/v1/b/bkt/o/o/copyTo/b/bkt/o/c%2F1", json!({}))
        .await
        .json();
    assert_eq!(copied["contentType"], "text/plain");
    assert_eq!(copied["name"], "c/1");
    let given = json!({"metadata": {"k": "v"}});
    let report = service
        .post("/storage/v1/b/bkt/o/o/rewriteTo/b/bkt/o/r", given)
        .await
        .json();
    assert_eq!(report["done"], true);
    assert_eq!(report["totalBytesRewritten"], "1");
    assert_eq!(report["resource"]["metadata"], json!({"k": "v"}));
    assert_eq!(report["resource"]["contentType"], Value::Null);
    assert_eq!(service.read("c%2F1", "").await, "x");
    assert_eq!(service.read("r", "").await, "x");
    let token = "/storage/v1/b/bkt/o/o/rewriteTo/b/bkt/o/r?rewriteToken=t";
    assert_eq!(
        service.post(token, json!({})).await.outcome(),
        "400 invalid"
    );
}

#[tokio::test]
async fn a_composition_concatenates_its_sources_and_has_no_md5() {
    let service = Service::new().await;
    service.put("1", "hello ").await;
    service.put("2", "world").await;
    let body = json!({
        "destination": {"contentType": "a/b"},
        "sourceObjects": [{"name": "1"}, {"name": "2"}],
    });
    let composed = service
        .post("/storage/v1/b/bkt/o/both/compose", body)
        .await
        .json();
    assert_eq!(composed["componentCount"], 2);
    assert_eq!(composed["crc32c"], "yZRlqg==");
    assert_eq!(composed["md5Hash"], Value::Null);
    assert_eq!(composed["contentType"], "a/b");
    assert_eq!(service.read("both", "").await, "hello world");
    let body = json!({"sourceObjects": [{"name": "both"}, {"name": "2"}]});
    let again = service
        .post("/storage/v1/b/bkt/o/more/compose", body)
        .await
        .json();
    assert_eq!(again["componentCount"], 3);

    let many = vec![json!({"name": "1"}); 33];
    for (sources, outcome) in [
        (json!([]), "400 required"),
        (json!(many), "400 invalid"),
        (json!([{"name": "none"}]), "404 notFound"),
        (json!([{"name": "1", "generation": "5"}]), "404 notFound"),
    ] {
        let body = json!({ "sourceObjects": sources });
        let answer = service.post("/storage/v1/b/bkt/o/no/compose", body).await;
        assert_eq!(answer.outcome(), outcome, "{sources}");
    }
}

#[tokio::test]
async fn an_object_is_read_at_its_plain_path() {
    let service = Service::new().await;
    service.put("dir%2Fa%20b", "hello").await;
    let read = async |method: &str, uri: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        Answer::of(service.storage.read_path(request).await).await
    };
    let whole = read("GET", "/bkt/dir/a%20b", &[]).await;
    assert_eq!(
        (whole.outcome().as_str(), &whole.body[..]),
        ("200", &b"hello"[..])
    );
    let range = read("GET", "/bkt/dir%2Fa%20b", &[("range", "bytes=1-2")]).await;
    assert_eq!(
        (range.outcome().as_str(), &range.body[..]),
        ("206", &b"el"[..])
    );
    let head = read("HEAD", "/bkt/dir/a%20b", &[]).await;
    assert_eq!(head.header("content-length"), "5");
    let missing = read("GET", "/bkt/dir", &[]).await;
    assert_eq!(missing.outcome(), "404 notFound");
    let written = read("PUT", "/bkt/dir/a%20b", &[]).await;
    assert_eq!(written.outcome(), "400 notImplemented");
    assert!(service.storage.has_bucket("bkt"));
    assert!(!service.storage.has_bucket("none"));
}

#[tokio::test]
async fn the_paths_of_the_node_client_are_served() {
    let service = Service::new().await;
    service.put("o", "x").await;
    for path in [
        "b?project=p",
        "b/bkt",
        "b/bkt/o",
        "b/bkt/o/o",
        "b/bkt/o/o?alt=media",
    ] {
        let short = service.get(&format!("/{path}")).await;
        let long = service.get(&format!("/storage/v1/{path}")).await;
        assert_eq!(short.outcome(), "200", "{path}");
        assert_eq!(short.body, long.body, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let service = Service::new().await;
    service.put("o", "x").await;
    for (method, uri) in [
        ("GET", "/storage/v1/b/bkt/iam"),
        ("GET", "/storage/v1/b/bkt/o?matchGlob=**"),
        ("POST", "/storage/v1/b/bkt/o/o/acl"),
    ] {
        let answer = service.call(method, uri, &[], "{}").await;
        assert_eq!(answer.outcome(), "400 notImplemented", "{method} {uri}");
    }
}
