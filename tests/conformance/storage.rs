//! Cloud Storage through Google's client: its data plane (JSON) and its control plane (gRPC).

use bytes::Bytes;
use google_cloud_gax::{error::rpc::Code, paginator::ItemPaginator as _};
use google_cloud_storage::{
    Error,
    client::{Storage, StorageControl},
    model::{
        Bucket, ComposeObjectRequest, Object, bucket::Versioning,
        compose_object_request::SourceObject,
    },
    model_ext::ReadRange,
    read_object::ReadObjectResponse,
};
use google_cloud_wkt::FieldMask;
use serde_json::json;

use crate::target::{self, SuiteTarget};

/// The bucket of a test, as the client names it.
const BUCKET: &str = "projects/_/buckets/stones";
/// More than one chunk of a resumable upload.
const LARGE_BYTES: usize = (1 << 20) + 17;

/// A service with an empty bucket, and the clients to it.
struct World {
    target: SuiteTarget,
    data: Storage,
    control: StorageControl,
}

impl World {
    async fn new() -> Self {
        let target = SuiteTarget::ours(1.0).await;
        let data = Storage::builder()
            .with_endpoint(&target.url)
            .with_credentials(target::anonymous());
        let control = StorageControl::builder()
            .with_endpoint(&target.url)
            .with_credentials(target::anonymous());
        let world = Self {
            data: data.build().await.unwrap(),
            control: control.build().await.unwrap(),
            target,
        };
        let bucket = Bucket::new()
            .set_project(format!("projects/{}", world.target.project))
            .set_versioning(Versioning::new().set_enabled(true));
        let create = world.control.create_bucket().set_parent("projects/_");
        let create = create.set_bucket_id("stones").set_bucket(bucket);
        assert_eq!(create.send().await.unwrap().name, BUCKET);
        world
    }

    async fn write(&self, name: &str, content: impl Into<Bytes>) -> Object {
        let content: Bytes = content.into();
        let write = self.data.write_object(BUCKET, name, content);
        write.send_buffered().await.unwrap()
    }

    async fn read(&self, name: &str, range: ReadRange) -> Bytes {
        let read = self.data.read_object(BUCKET, name).set_read_range(range);
        whole(read.send().await.unwrap()).await
    }

    async fn stat(&self, name: &str, generation: i64) -> Result<Object, Error> {
        let get = self.control.get_object().set_bucket(BUCKET);
        get.set_object(name).set_generation(generation).send().await
    }

    async fn names(&self, prefix: &str, page_size: i32) -> Vec<String> {
        let list = self.control.list_objects().set_parent(BUCKET);
        let mut items = list.set_prefix(prefix).set_page_size(page_size).by_item();
        let mut names = Vec::new();
        while let Some(object) = items.next().await {
            names.push(object.unwrap().name);
        }
        names
    }
}

async fn whole(mut response: ReadObjectResponse) -> Bytes {
    let mut all = Vec::new();
    while let Some(chunk) = response.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all.into()
}

// The data plane reports a failure by HTTP status, the control plane by gRPC code.

#[track_caller]
fn refused_by_status<T: std::fmt::Debug>(result: Result<T, Error>, status: u16) {
    assert_eq!(result.unwrap_err().http_status_code(), Some(status));
}

#[track_caller]
fn refused_by_code<T: std::fmt::Debug>(result: Result<T, Error>, code: Code) {
    assert_eq!(result.unwrap_err().status().unwrap().code, code);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_as_it_was_written() {
    let world = World::new().await;
    let write = world.data.write_object(BUCKET, "a/b c.txt", "a raw stone");
    let write = write
        .set_content_type("text/plain")
        .set_metadata([("cut", "round")]);
    let written = write.send_buffered().await.unwrap();
    assert_eq!((written.size, written.metageneration), (11, 1));
    assert_eq!(
        world.read("a/b c.txt", ReadRange::all()).await,
        "a raw stone"
    );
    let read = world.stat("a/b c.txt", 0).await.unwrap();
    assert_eq!(read.generation, written.generation);
    assert_eq!(read.content_type, "text/plain");
    assert_eq!(read.metadata["cut"], "round");
    let checksums = read.checksums.unwrap();
    // `printf 'a raw stone' | gsutil hash -h -`, and `md5sum`.
    assert_eq!(checksums.crc32c, written.checksums.unwrap().crc32c);
    assert_eq!(checksums.md5_hash.len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_uploaded_in_parts() {
    let world = World::new().await;
    let content = (0..=250_u8).cycle().take(LARGE_BYTES).collect::<Bytes>();
    for (name, threshold) in [("whole", usize::MAX), ("parts", 0)] {
        let write = world.data.write_object(BUCKET, name, content.clone());
        let write = write
            .with_resumable_upload_threshold(threshold)
            .with_resumable_upload_buffer_size(256_usize << 10);
        let written = write.send_buffered().await.unwrap();
        assert_eq!(written.size, i64::try_from(LARGE_BYTES).unwrap(), "{name}");
        assert_eq!(world.read(name, ReadRange::all()).await, content, "{name}");
    }
    let unbuffered = world.data.write_object(BUCKET, "sought", content.clone());
    let unbuffered = unbuffered.with_resumable_upload_threshold(0_usize);
    unbuffered.send_unbuffered().await.unwrap();
    assert_eq!(world.read("sought", ReadRange::all()).await, content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_a_part_of_the_object() {
    let world = World::new().await;
    world.write("stone", "0123456789").await;
    let check = async |range, expected: &'static str| {
        assert_eq!(world.read("stone", range).await, expected);
    };
    check(ReadRange::head(3), "012").await;
    check(ReadRange::tail(3), "789").await;
    check(ReadRange::offset(7), "789").await;
    check(ReadRange::segment(4, 2), "45").await;
    check(ReadRange::segment(8, 100), "89").await;
    let beyond = world.data.read_object(BUCKET, "stone");
    let beyond = beyond.set_read_range(ReadRange::offset(10)).send().await;
    refused_by_status(beyond.map(|_| ()), 416);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_object_is_not_created_again() {
    let world = World::new().await;
    let create = |threshold: usize| {
        let write = world.data.write_object(BUCKET, "stone", "raw");
        write
            .set_if_generation_match(0_i64)
            .with_resumable_upload_threshold(threshold)
            .send_buffered()
    };
    let first = create(usize::MAX).await.unwrap();
    refused_by_status(create(usize::MAX).await, 412);
    refused_by_status(create(0).await, 412);
    assert_eq!(
        world.stat("stone", 0).await.unwrap().generation,
        first.generation
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_generation_is_rejected() {
    let world = World::new().await;
    let old = world.write("stone", "raw").await;
    let new = world.write("stone", "cut").await;
    assert!(new.generation > old.generation);
    let write = world.data.write_object(BUCKET, "stone", "late");
    let write = write.set_if_generation_match(old.generation);
    refused_by_status(write.send_buffered().await, 412);
    let read = world.data.read_object(BUCKET, "stone");
    let read = read.set_if_generation_match(old.generation).send().await;
    refused_by_status(read.map(|_| ()), 412);
    let delete = world.control.delete_object().set_bucket(BUCKET);
    let delete = delete
        .set_object("stone")
        .set_if_generation_match(old.generation);
    refused_by_code(delete.send().await, Code::FailedPrecondition);
    let write = world.data.write_object(BUCKET, "stone", "in time");
    let write = write.set_if_generation_match(new.generation);
    write.send_buffered().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_is_not_found() {
    let world = World::new().await;
    let read = world.data.read_object(BUCKET, "nothing").send().await;
    refused_by_status(read.map(|_| ()), 404);
    refused_by_code(world.stat("nothing", 0).await, Code::NotFound);
    let write = world.data.write_object("projects/_/buckets/none", "a", "b");
    refused_by_status(write.send_buffered().await, 404);
    let stone = world.write("stone", "raw").await;
    refused_by_code(
        world.stat("stone", stone.generation + 1).await,
        Code::NotFound,
    );
    let delete = world.control.delete_object().set_bucket(BUCKET);
    refused_by_code(delete.set_object("nothing").send().await, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_continues_on_page_two() {
    let world = World::new().await;
    let mut names = Vec::new();
    for number in 0..5 {
        let name = format!("stones/{number}");
        world.write(&name, "raw").await;
        names.push(name);
    }
    world.write("other", "raw").await;
    let list = world.control.list_objects().set_parent(BUCKET);
    let first = list.set_prefix("stones/").set_page_size(2).send().await;
    let first = first.unwrap();
    assert_eq!(first.objects.len(), 2);
    assert_ne!(first.next_page_token, "");
    assert_eq!(world.names("stones/", 2).await, names);
    let list = world.control.list_objects().set_parent(BUCKET);
    let top = list.set_delimiter("/").send().await.unwrap();
    assert_eq!(top.prefixes, ["stones/"]);
    assert_eq!(top.objects.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_compose_into_one_object() {
    let world = World::new().await;
    let first = world.write("1", "half a ").await;
    world.write("2", "stone").await;
    let source = |name: &str| SourceObject::new().set_name(name);
    let compose = ComposeObjectRequest::new()
        .set_destination(Object::new().set_bucket(BUCKET).set_name("whole"))
        .set_source_objects([source("1").set_generation(first.generation), source("2")])
        .set_if_generation_match(0_i64);
    let request = || world.control.compose_object().with_request(compose.clone());
    let composed = request().send().await.unwrap();
    assert_eq!((composed.size, composed.component_count), (12, 2));
    assert_eq!(world.read("whole", ReadRange::all()).await, "half a stone");
    let checksums = composed.checksums.unwrap();
    assert!(
        checksums.md5_hash.is_empty(),
        "composed objects have no MD5"
    );
    let whole = world.write("again", "half a stone").await;
    assert_eq!(checksums.crc32c, whole.checksums.unwrap().crc32c);
    refused_by_code(request().send().await, Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_copied_with_its_metadata() {
    let world = World::new().await;
    let write = world.data.write_object(BUCKET, "stone", "raw");
    let write = write.set_metadata([("cut", "round")]);
    write.send_buffered().await.unwrap();
    let rewrite = world.control.rewrite_object();
    let rewrite = rewrite
        .set_source_bucket(BUCKET)
        .set_source_object("stone")
        .set_destination_bucket(BUCKET)
        .set_destination_name("copy");
    let done = rewrite.send().await.unwrap();
    assert!(done.done);
    assert_eq!(done.resource.unwrap().metadata["cut"], "round");
    assert_eq!(world.read("copy", ReadRange::all()).await, "raw");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_generation_is_kept_until_it_is_deleted() {
    let world = World::new().await;
    let old = world.write("stone", "raw").await;
    let new = world.write("stone", "cut").await;
    let delete = |generation: i64| {
        let delete = world.control.delete_object().set_bucket(BUCKET);
        delete.set_object("stone").set_generation(generation).send()
    };
    delete(0).await.unwrap();
    refused_by_code(world.stat("stone", 0).await, Code::NotFound);
    assert!(world.names("", 10).await.is_empty());
    let list = world.control.list_objects().set_parent(BUCKET);
    let all = list.set_versions(true).send().await.unwrap();
    let generations: Vec<i64> = all.objects.iter().map(|it| it.generation).collect();
    assert_eq!(generations, [old.generation, new.generation]);
    let read = world.data.read_object(BUCKET, "stone");
    let read = read.set_generation(old.generation).send().await.unwrap();
    assert_eq!(whole(read).await, "raw");
    delete(old.generation).await.unwrap();
    refused_by_code(world.stat("stone", old.generation).await, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_changes_by_mask_and_has_a_generation_of_its_own() {
    let world = World::new().await;
    let stone = world.write("stone", "raw").await;
    let update = |metageneration: i64| {
        let object = Object::new().set_bucket(BUCKET).set_name("stone");
        let object = object
            .set_metadata([("cut", "square")])
            .set_content_type("x/y");
        let update = world.control.update_object().set_object(object);
        update
            .set_update_mask(FieldMask::default().set_paths(["metadata"]))
            .set_if_metageneration_match(metageneration)
            .send()
    };
    let updated = update(1).await.unwrap();
    assert_eq!(updated.metadata["cut"], "square");
    assert_eq!(updated.content_type, stone.content_type, "not in the mask");
    assert_eq!(
        (updated.generation, updated.metageneration),
        (stone.generation, 2)
    );
    refused_by_code(update(1).await, Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_is_rejected_and_nothing_is_written() {
    let world = World::new().await;
    let write = world.data.write_object(BUCKET, "stone", "raw");
    let written = write.with_known_crc32c(7_u32).send_buffered().await;
    assert!(written.is_err(), "{written:?}");
    refused_by_code(world.stat("stone", 0).await, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_upload_is_published_to_the_topic() {
    let world = World::new().await;
    let target = &world.target;
    let topic = format!("projects/{}/topics/finalized", target.project);
    target.done("PUT", &format!("/v1/{topic}"), json!({})).await;
    let hearer = format!("/v1/projects/{}/subscriptions/hearer", target.project);
    target.done("PUT", &hearer, json!({ "topic": topic })).await;
    let configuration = json!({
        "topic": format!("//pubsub.googleapis.com/{topic}"),
        "event_types": ["OBJECT_FINALIZE"],
        "payload_format": "JSON_API_V1",
    });
    let path = "/storage/v1/b/stones/notificationConfigs";
    target.done("POST", path, configuration).await;
    let stone = world.write("a/stone", "raw").await;
    let pull = json!({ "maxMessages": 10 });
    let pulled = target.done("POST", &format!("{hearer}:pull"), pull).await;
    let message = &pulled["receivedMessages"][0]["message"];
    let attributes = &message["attributes"];
    assert_eq!(attributes["eventType"], "OBJECT_FINALIZE");
    assert_eq!(attributes["bucketId"], "stones");
    assert_eq!(attributes["objectId"], "a/stone");
    assert_eq!(attributes["objectGeneration"], stone.generation.to_string());
    assert_eq!(attributes["payloadFormat"], "JSON_API_V1");
}
