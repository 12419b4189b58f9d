//! Uploads in one request: variants of multipart, names, checksums.

use serde_json::Value;

use super::{Answer, Service};

/// `hello world`.
const CRC32C: &str = "yZRlqg==";
const MD5: &str = "XrY7u+Ae7tCTyyK7j1rNww==";
const WRONG_CRC32C: &str = "AAAAAA==";
const WRONG_MD5: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

async fn multipart(service: &Service, query: &str, body: &str) -> Answer {
    let uri = format!("/upload/storage/v1/b/bkt/o?uploadType=multipart{query}");
    let headers = [("content-type", "multipart/related; boundary=\"==x==\"")];
    let body = body.replace('\n', "\r\n");
    service.call("POST", &uri, &headers, body).await
}

#[tokio::test]
async fn the_multipart_of_the_python_client_is_read() {
    let service = Service::new().await;
    let body = "--==x==\ncontent-type: application/json; charset=UTF-8\n\n\
                {\"name\": \"o\", \"metadata\": {\"k\": \"v\"}}\n\
                --==x==\ncontent-type: text/plain\n\nhello world\n--==x==--";
    let made = multipart(&service, "", body).await.json();
    assert_eq!(made["contentType"], "text/plain");
    assert_eq!(made["metadata"]["k"], "v");
    assert_eq!(made["crc32c"], CRC32C);
    assert_eq!(made["md5Hash"], MD5);
    assert_eq!(service.read("o", "").await, "hello world");
}

#[tokio::test]
async fn the_multipart_of_the_rust_client_is_read() {
    let service = Service::new().await;
    let head = "--==x==\nContent-Disposition: form-data; name=\"metadata\"\n\
                Content-Type: application/json; charset=UTF-8\n\n{}\n\
                --==x==\nContent-Disposition: form-data; name=\"media\"\n\nhello world\n";
    let two = format!("{head}--==x==--\n");
    let made = multipart(&service, "&name=two", &two).await.json();
    assert_eq!(made["contentType"], Value::Null);
    assert_eq!(service.read("two", "").await, "hello world");
    for (crc32c, outcome) in [(CRC32C, "200"), (WRONG_CRC32C, "400 invalid")] {
        let three = format!(
            "{head}--==x==\nContent-Disposition: form-data; name=\"checksums\"\n\
             Content-Type: application/json; charset=UTF-8\n\n{{\"crc32c\":\"{crc32c}\"}}\n\
             --==x==--\n"
        );
        let answer = multipart(&service, "&name=three", &three).await;
        assert_eq!(answer.outcome(), outcome, "{crc32c}");
    }
}

/// `gcloud storage cp data.jsonl gs://bkt/d/data.jsonl`, gcloud 528.0.0.
#[tokio::test]
async fn the_multipart_of_gcloud_is_read() {
    let service = Service::new().await;
    let uri = "/upload/storage/v1/b/bkt/o?alt=json&uploadType=multipart";
    let boundary = "===============8545897279523164747==";
    let content_type = format!("multipart/related; boundary='{boundary}'");
    let body = format!(
        "--{boundary}\nContent-Type: application/json\nMIME-Version: 1.0\n\n\
         {{\"bucket\": \"bkt\", \"contentType\": \"application/octet-stream\", \"name\": \
         \"d/data.jsonl\"}}\n--{boundary}\nContent-Type: application/octet-stream\n\
         MIME-Version: 1.0\nContent-Transfer-Encoding: binary\n\nhello world\n--{boundary}--\n"
    );
    let headers = [("content-type", content_type.as_str())];
    let made = service.call("POST", uri, &headers, body).await.json();
    assert_eq!(made["contentType"], "application/octet-stream");
    assert_eq!(made["crc32c"], CRC32C);
    assert_eq!(service.read("d%2Fdata.jsonl", "").await, "hello world");
}

#[tokio::test]
async fn a_refused_multipart_changes_nothing() {
    let service = Service::new().await;
    let rows = [
        ("&name=o", "", "400 invalid"),
        ("&name=o", "--==x==\n\n{}\n--==x==--", "400 invalid"),
        (
            "&name=o",
            "--==x==\n\nnot json\n--==x==\n\nx\n--==x==--",
            "400 invalid",
        ),
        ("", "--==x==\n\n{}\n--==x==\n\nx\n--==x==--", "400 required"),
        ("&name=o", "--==x==\n\n{}\n--==x==\n\ncut", "400 invalid"),
        (
            "&name=.",
            "--==x==\n\n{}\n--==x==\n\nx\n--==x==--",
            "400 invalid",
        ),
        (
            "&name=o&ifGenerationMatch=5",
            "--==x==\n\n{}\n--==x==\n\nx\n--==x==--",
            "412 conditionNotMet",
        ),
    ];
    for (query, body, outcome) in rows {
        let answer = multipart(&service, query, body).await;
        assert_eq!(answer.outcome(), outcome, "{query} {body}");
    }
    assert_eq!(
        service.get("/storage/v1/b/bkt/o").await.json()["items"],
        Value::Null
    );
}

#[tokio::test]
async fn checksums_of_the_caller_are_compared() {
    let service = Service::new().await;
    let uri = "/upload/storage/v1/b/bkt/o?uploadType=media&name=o";
    let rows = [
        (format!("crc32c={CRC32C}"), "200"),
        (format!("crc32c={CRC32C},md5={MD5}"), "200"),
        (format!("crc32c={WRONG_CRC32C}"), "400 invalid"),
        (format!("crc32c={CRC32C}, md5={WRONG_MD5}"), "400 invalid"),
        ("crc32c=short".to_owned(), "400 invalid"),
    ];
    for (hash, outcome) in rows {
        let headers = [("x-goog-hash", hash.as_str())];
        let answer = service.call("POST", uri, &headers, "hello world").await;
        assert_eq!(answer.outcome(), outcome, "{hash}");
    }
    for (key, value, outcome) in [
        ("crc32c", CRC32C, "200"),
        ("md5Hash", MD5, "200"),
        ("crc32c", WRONG_CRC32C, "400 invalid"),
        ("md5Hash", WRONG_MD5, "400 invalid"),
    ] {
        let body = format!(
            "--==x==\n\n{{\"name\":\"o\",\"{key}\":\"{value}\"}}\n--==x==\n\nhello world\n--==x==--"
        );
        let answer = multipart(&service, "", &body).await;
        assert_eq!(answer.outcome(), outcome, "{key} {value}");
    }
}

#[tokio::test]
async fn an_upload_needs_a_bucket_a_name_and_a_type() {
    let service = Service::new().await;
    for (path, outcome) in [
        ("b/none/o?uploadType=media&name=o", "404 notFound"),
        ("b/bkt/o?uploadType=media", "400 required"),
        ("b/bkt/o?name=o", "400 required"),
        (
            "b/bkt/o?uploadType=carrier-pigeon&name=o",
            "400 notImplemented",
        ),
    ] {
        let uri = format!("/upload/storage/v1/{path}");
        let answer = service.call("POST", &uri, &[], "x").await;
        assert_eq!(answer.outcome(), outcome, "{path}");
    }
}

#[tokio::test]
async fn generations_are_microseconds_and_always_grow() {
    let service = Service::new().await;
    let mut last = 0;
    let now = crate::clock::Clock::starting_now(1.0)
        .now()
        .timestamp_micros();
    for _ in 0..20 {
        let generation: i64 = service.put("o", "x").await.parse().unwrap();
        assert!(generation > last);
        assert!((generation - now).abs() < 60_000_000, "{generation}");
        last = generation;
    }
}
