//! The same objects over gRPC.

use axum::body::Body;
use bytes::{Buf as _, BufMut as _, BytesMut};
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use http::Request;
use http_body_util::BodyExt as _;
use prost::Message;
use tonic::{Code, Status};

use super::Service;

const BUCKET: &str = "projects/_/buckets/bkt";

/// Sends `request` and reads every message of the answer.
async fn stream<Q: Message, R: Message + Default>(
    service: &Service,
    method: &str,
    request: &[Q],
) -> Result<Vec<R>, Code> {
    let mut frames = BytesMut::new();
    for message in request {
        frames.put_u8(0);
        frames.put_u32(u32::try_from(message.encoded_len()).unwrap());
        message.encode(&mut frames).unwrap();
    }
    let request = Request::post(format!("/google.storage.v2.Storage/{method}"))
        .header("content-type", "application/grpc")
        .body(Body::from(frames.freeze()))
        .unwrap();
    let (parts, body) = service.storage.grpc(method, request).await.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&trailers).or(Status::from_header_map(&parts.headers));
    if let Some(status) = status.filter(|status| status.code() != Code::Ok) {
        return Err(status.code());
    }
    let mut bytes = body.to_bytes();
    let mut messages = Vec::new();
    while bytes.has_remaining() {
        assert_eq!(bytes.get_u8(), 0, "not compressed");
        let length = bytes.get_u32() as usize;
        messages.push(R::decode(bytes.split_to(length)).unwrap());
    }
    Ok(messages)
}

async fn call<Q: Message, R: Message + Default>(
    service: &Service,
    method: &str,
    request: Q,
) -> Result<R, Code> {
    let mut messages = stream(service, method, &[request]).await?;
    assert_eq!(messages.len(), 1);
    Ok(messages.remove(0))
}

fn mask(paths: &[&str]) -> prost_types::FieldMask {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    prost_types::FieldMask { paths }
}

fn named(object: &str) -> pb::GetObjectRequest {
    pb::GetObjectRequest {
        bucket: BUCKET.to_owned(),
        object: object.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_bucket_is_the_same_in_both_apis() {
    let service = Service::new().await;
    let request = || pb::CreateBucketRequest {
        parent: "projects/_".to_owned(),
        bucket_id: "rpc".to_owned(),
        bucket: Some(pb::Bucket {
            project: "projects/p".to_owned(),
            labels: [("a".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let made: pb::Bucket = call(&service, "CreateBucket", request()).await.unwrap();
    assert_eq!(made.name, "projects/_/buckets/rpc");
    let twice: Result<pb::Bucket, Code> = call(&service, "CreateBucket", request()).await;
    assert_eq!(twice.unwrap_err(), Code::AlreadyExists);
    let rest = service.get("/storage/v1/b/rpc").await.json();
    assert_eq!(rest["labels"], serde_json::json!({"a": "1"}));
}

#[tokio::test]
async fn an_object_is_read_changed_and_deleted() {
    let service = Service::new().await;
    let generation: i64 = service.put("o", "hello").await.parse().unwrap();
    let got: pb::Object = call(&service, "GetObject", named("o")).await.unwrap();
    assert_eq!((got.generation, got.size), (generation, 5));
    let update = pb::UpdateObjectRequest {
        object: Some(pb::Object {
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            content_type: "not/taken".to_owned(),
            ..got.clone()
        }),
        update_mask: Some(mask(&["metadata.k"])),
        ..Default::default()
    };
    let updated: pb::Object = call(&service, "UpdateObject", update).await.unwrap();
    assert_eq!(updated.metadata["k"], "v");
    assert_eq!(updated.content_type, "text/plain");
    for (wanted, outcome) in [(1, Err(Code::FailedPrecondition)), (generation, Ok(()))] {
        let delete = pb::DeleteObjectRequest {
            bucket: BUCKET.to_owned(),
            object: "o".to_owned(),
            if_generation_match: Some(wanted),
            ..Default::default()
        };
        let answer: Result<(), Code> = call(&service, "DeleteObject", delete).await;
        assert_eq!(answer, outcome, "{wanted}");
    }
    let gone: Result<pb::Object, Code> = call(&service, "GetObject", named("o")).await;
    assert_eq!(gone.unwrap_err(), Code::NotFound);
}

#[tokio::test]
async fn a_failed_condition_has_the_code_of_its_kind() {
    let service = Service::new().await;
    let generation: i64 = service.put("o", "x").await.parse().unwrap();
    let rows = [
        (Some(1), None, Code::FailedPrecondition),
        (None, Some(generation), Code::Aborted),
    ];
    for (matching, not_matching, code) in rows {
        let request = pb::GetObjectRequest {
            if_generation_match: matching,
            if_generation_not_match: not_matching,
            ..named("o")
        };
        let answer: Result<pb::Object, Code> = call(&service, "GetObject", request).await;
        assert_eq!(answer.unwrap_err(), code);
    }
    let unnamed = pb::GetObjectRequest {
        bucket: "b".to_owned(),
        ..named("o")
    };
    let answer: Result<pb::Object, Code> = call(&service, "GetObject", unnamed).await;
    assert_eq!(answer.unwrap_err(), Code::InvalidArgument);
}

#[tokio::test]
async fn objects_are_composed_rewritten_and_listed() {
    let service = Service::new().await;
    service.put("1", "hello ").await;
    service.put("2", "world").await;
    let source = |name: &str| pb::compose_object_request::SourceObject {
        name: name.to_owned(),
        ..Default::default()
    };
    let compose = pb::ComposeObjectRequest {
        destination: Some(pb::Object {
            bucket: BUCKET.to_owned(),
            name: "both".to_owned(),
            ..Default::default()
        }),
        source_objects: vec![source("1"), source("2")],
        ..Default::default()
    };
    let composed: pb::Object = call(&service, "ComposeObject", compose).await.unwrap();
    assert_eq!((composed.size, composed.component_count), (11, 2));
    let rewrite = pb::RewriteObjectRequest {
        source_bucket: BUCKET.to_owned(),
        source_object: "both".to_owned(),
        destination_bucket: BUCKET.to_owned(),
        destination_name: "copy".to_owned(),
        ..Default::default()
    };
    let done: pb::RewriteResponse = call(&service, "RewriteObject", rewrite).await.unwrap();
    assert!(done.done && done.object_size == 11);
    assert_eq!(service.read("copy", "").await, "hello world");
    let list = pb::ListObjectsRequest {
        parent: BUCKET.to_owned(),
        page_size: 3,
        ..Default::default()
    };
    let page: pb::ListObjectsResponse = call(&service, "ListObjects", list).await.unwrap();
    let names: Vec<&str> = page
        .objects
        .iter()
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(names, ["1", "2", "both"]);
    assert!(!page.next_page_token.is_empty());
}

#[tokio::test]
async fn a_read_is_a_stream_that_begins_with_the_object() {
    let service = Service::new().await;
    service.put("o", "hello world").await;
    for (offset, limit, want) in [
        (0, 0, Ok("hello world")),
        (6, 3, Ok("wor")),
        (-5, 0, Ok("world")),
        (11, 0, Ok("")),
        (12, 0, Err(Code::OutOfRange)),
        (0, -1, Err(Code::InvalidArgument)),
    ] {
        let request = pb::ReadObjectRequest {
            bucket: BUCKET.to_owned(),
            object: "o".to_owned(),
            read_offset: offset,
            read_limit: limit,
            ..Default::default()
        };
        let answer = stream::<_, pb::ReadObjectResponse>(&service, "ReadObject", &[request]).await;
        let got = answer.map(|messages| {
            assert_eq!(messages[0].metadata.as_ref().unwrap().size, 11);
            let pieces = messages.iter().filter_map(|m| m.checksummed_data.as_ref());
            String::from_utf8(pieces.flat_map(|p| p.content.clone()).collect()).unwrap()
        });
        assert_eq!(got, want.map(str::to_owned), "{offset} {limit}");
    }
}

#[tokio::test]
async fn one_stream_answers_many_ranges() {
    let service = Service::new().await;
    service.put("o", "hello world").await;
    let range = |read_id, read_offset, read_length| pb::ReadRange {
        read_offset,
        read_length,
        read_id,
    };
    let spec = pb::BidiReadObjectSpec {
        bucket: BUCKET.to_owned(),
        object: "o".to_owned(),
        ..Default::default()
    };
    let request = [
        pb::BidiReadObjectRequest {
            read_object_spec: Some(spec),
            read_ranges: vec![range(7, 0, 5)],
        },
        pb::BidiReadObjectRequest {
            read_object_spec: None,
            read_ranges: vec![range(8, -5, 0), range(9, 11, 0)],
        },
    ];
    let answers = stream::<_, pb::BidiReadObjectResponse>(&service, "BidiReadObject", &request);
    let answers = answers.await.unwrap();
    assert_eq!(answers[0].metadata.as_ref().unwrap().size, 11);
    let data = answers.iter().flat_map(|answer| &answer.object_data_ranges);
    let got: Vec<(i64, i64, String, bool)> = data
        .map(|data| {
            let range = data.read_range.unwrap();
            let content = data.checksummed_data.clone().unwrap_or_default().content;
            let text = String::from_utf8(content).unwrap();
            (range.read_id, range.read_offset, text, data.range_end)
        })
        .collect();
    let want = [(7, 0, "hello"), (8, 6, "world"), (9, 11, "")];
    assert_eq!(
        got,
        want.map(|(id, offset, text)| (id, offset, text.to_owned(), true))
    );
}

#[tokio::test]
async fn an_upload_over_grpc_is_unimplemented_by_name() {
    let service = Service::new().await;
    let request = pb::StartResumableWriteRequest::default();
    let answer: Result<pb::StartResumableWriteResponse, Code> =
        call(&service, "StartResumableWrite", request).await;
    assert_eq!(answer.unwrap_err(), Code::Unimplemented);
}
