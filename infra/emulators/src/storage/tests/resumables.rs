//! Uploads in several requests.

use axum::body::Body;
use futures::stream;
use serde_json::json;

use super::{Answer, BASE_URL, Service};

const CHUNK: usize = 256 << 10;

/// Opens a session and returns its path.
async fn start(service: &Service, more: &str) -> String {
    let uri = format!("/upload/storage/v1/b/bkt/o?uploadType=resumable&name=o{more}");
    let headers = [
        ("host", "127.0.0.1"),
        ("x-upload-content-type", "text/plain"),
    ];
    let answer = service.call("POST", &uri, &headers, "{}").await;
    assert_eq!(answer.outcome(), "200");
    let location = answer.header("location");
    let path = location.strip_prefix(BASE_URL);
    path.expect("the location begins with the base URL")
        .to_owned()
}

async fn put(service: &Service, session: &str, range: &str, body: &[u8]) -> Answer {
    let headers = [("content-range", range)];
    service.call("PUT", session, &headers, body.to_vec()).await
}

#[tokio::test]
async fn chunks_are_kept_until_the_last() {
    let service = Service::new().await;
    let session = start(&service, "").await;
    let bytes: Vec<u8> = (0..=250).cycle().take(2 * CHUNK + 7).collect();
    let total = bytes.len();

    let empty = put(&service, &session, "bytes */*", b"").await;
    assert_eq!(
        (empty.outcome().as_str(), empty.header("range")),
        ("308", "")
    );
    let range = format!("bytes 0-{}/*", CHUNK - 1);
    let first = put(&service, &session, &range, &bytes[..CHUNK]).await;
    let kept = format!("bytes=0-{}", CHUNK - 1);
    assert_eq!(
        (first.outcome().as_str(), first.header("range")),
        ("308", kept.as_str())
    );
    let status = put(&service, &session, &format!("bytes */{total}"), b"").await;
    assert_eq!(
        (status.outcome().as_str(), status.header("range")),
        ("308", kept.as_str())
    );
    assert_eq!(service.read("o", "").await, "404 notFound");

    // The second chunk begins before the end of the first: a client that resumes may do so.
    let range = format!("bytes {}-{}/{total}", CHUNK - 100, 2 * CHUNK - 1);
    let second = put(&service, &session, &range, &bytes[CHUNK - 100..2 * CHUNK]).await;
    let kept = format!("bytes=0-{}", 2 * CHUNK - 1);
    assert_eq!(
        (second.outcome().as_str(), second.header("range")),
        ("308", kept.as_str())
    );
    let range = format!("bytes {}-{}/{total}", 2 * CHUNK, total - 1);
    let last = put(&service, &session, &range, &bytes[2 * CHUNK..]).await;
    assert_eq!(last.json()["size"], total.to_string());
    assert_eq!(last.json()["contentType"], "text/plain");

    for range in ["bytes */*".to_owned(), range] {
        let again = put(&service, &session, &range, b"").await;
        assert_eq!(
            again.json(),
            last.json(),
            "{range}: a finished session returns its object"
        );
    }
    let read = service.get("/storage/v1/b/bkt/o/o?alt=media").await;
    assert!(read.body == bytes, "the bytes have changed");
}

#[tokio::test]
async fn every_form_of_a_last_chunk_ends_the_upload() {
    for (first, last, body) in [
        (None, Some("bytes 0-4/5"), "hello"),
        (None, Some("bytes 0-*/*"), "hello"),
        (None, Some("bytes 0-*/5"), "hello"),
        (None, None, "hello"),
        (None, Some("bytes */0"), ""),
        (Some("bytes 0-*/9"), Some("bytes 5-8/9"), "hello"),
    ] {
        let service = Service::new().await;
        let session = start(&service, "").await;
        let mut expected = body.to_owned();
        if let Some(range) = first {
            let partial = put(&service, &session, range, body.as_bytes()).await;
            assert_eq!(partial.outcome(), "308", "{range}");
            let done = put(&service, &session, last.unwrap(), b" you").await;
            assert_eq!(done.outcome(), "200", "{last:?}");
            expected.push_str(" you");
        } else {
            let headers: Vec<_> = last
                .map(|range| ("content-range", range))
                .into_iter()
                .collect();
            let done = service.call("PUT", &session, &headers, body).await;
            assert_eq!(done.outcome(), "200", "{last:?}");
        }
        assert_eq!(service.read("o", "").await, expected, "{last:?}");
    }
}

#[tokio::test]
async fn an_impossible_chunk_is_refused() {
    let service = Service::new().await;
    let session = start(&service, "").await;
    for range in [
        "bytes 5-9/10",
        "bytes 0-4/*",
        "bytes 0-4/10",
        "bytes 4-0/10",
        "bytes 0-10/10",
        "0-4/5",
    ] {
        let answer = put(&service, &session, range, b"hello").await;
        assert_eq!(answer.outcome(), "400 invalid", "{range}");
    }
    let done = put(&service, &session, "bytes 0-4/5", b"hello").await;
    assert_eq!(done.outcome(), "200", "the session survives them");
}

#[tokio::test]
async fn the_checksum_of_the_last_chunk_is_compared() {
    for (hash, outcome, after) in [
        ("crc32c=yZRlqg==", "200", "200"),
        ("crc32c=AAAAAA==", "400 invalid", "410 gone"),
    ] {
        let service = Service::new().await;
        let session = start(&service, "").await;
        let headers = [("content-range", "bytes 0-10/11"), ("x-goog-hash", hash)];
        let answer = service.call("PUT", &session, &headers, "hello world").await;
        assert_eq!(answer.outcome(), outcome, "{hash}");
        let status = put(&service, &session, "bytes */*", b"").await;
        assert_eq!(status.outcome(), after, "{hash}");
    }
}

#[tokio::test]
async fn the_precondition_counts_at_the_start_and_at_the_end() {
    let service = Service::new().await;
    let session = start(&service, "&ifGenerationMatch=0").await;
    service.put("o", "faster").await;
    let late = put(&service, &session, "bytes 0-4/5", b"hello").await;
    assert_eq!(late.outcome(), "412 conditionNotMet");
    assert_eq!(service.read("o", "").await, "faster");
    let uri = "/upload/storage/v1/b/bkt/o?uploadType=resumable&name=o&ifGenerationMatch=0";
    let early = service.post(uri, json!({})).await;
    assert_eq!(early.outcome(), "412 conditionNotMet");
}

#[tokio::test]
async fn a_cancelled_session_is_gone() {
    let service = Service::new().await;
    let session = start(&service, "").await;
    assert_eq!(
        service.delete(&session).await.outcome(),
        "499 clientClosedRequest"
    );
    let after = put(&service, &session, "bytes */*", b"").await;
    assert_eq!(after.outcome(), "404 notFound");
    assert_eq!(service.delete(&session).await.outcome(), "404 notFound");
}

#[tokio::test]
async fn an_interrupted_body_keeps_the_received_bytes() {
    let service = Service::new().await;
    let session = start(&service, "").await;
    let broken = || {
        let pieces = [Ok("hello "), Err(std::io::Error::other("the wire was cut"))];
        Body::from_stream(stream::iter(pieces))
    };
    let headers = [("content-range", "bytes 0-*/*")];
    let cut = service.call("PUT", &session, &headers, broken()).await;
    assert_eq!(cut.outcome(), "400 badRequest");
    let status = put(&service, &session, "bytes */*", b"").await;
    assert_eq!(
        (status.outcome().as_str(), status.header("range")),
        ("308", "bytes=0-5")
    );
    let done = put(&service, &session, "bytes 6-10/11", b"world").await;
    assert_eq!(done.json()["crc32c"], "yZRlqg==");

    let media = "/upload/storage/v1/b/bkt/o?uploadType=media&name=half";
    let cut = service.call("POST", media, &[], broken()).await;
    assert_eq!(cut.outcome(), "400 badRequest");
    assert_eq!(service.read("half", "").await, "404 notFound");
}
