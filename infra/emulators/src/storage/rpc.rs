//! The unary and streaming methods of `google.storage.v2.Storage`.

use std::{future::Future, sync::Arc};

use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use tonic::Status;

use super::{
    bucket::Bucket,
    condition::{Conditions, conditions},
    copy::CopySource,
    failure::Failure,
    generation::NewObject,
    listing::{Listing, PAGE_MAX},
    proto, read,
    store::Store,
};
use crate::grpc::{self, ProstMessage, Request, Response};

/// Answers one call of `method`.
pub(super) async fn answer(store: &Arc<Store>, method: &str, request: Request) -> Response {
    let store = Arc::clone(store);
    match method {
        "CreateBucket" => unary(request, store, create_bucket).await,
        "GetObject" => unary(request, store, get_object).await,
        "ListObjects" => unary(request, store, list_objects).await,
        "UpdateObject" => unary(request, store, update_object).await,
        "DeleteObject" => unary(request, store, delete_object).await,
        "ComposeObject" => unary(request, store, compose_object).await,
        "RewriteObject" => unary(request, store, rewrite_object).await,
        "ReadObject" => {
            grpc::server_stream(request, |request| async move {
                read::one(&store, request).await
            })
            .await
        }
        "BidiReadObject" => {
            grpc::bidi(request, |request| async move {
                read::many(store, request).await
            })
            .await
        }
        other => grpc::unimplemented(&format!("google.storage.v2.Storage/{other}")),
    }
}

async fn unary<Q, R, Fut>(
    request: Request,
    store: Arc<Store>,
    method: fn(Arc<Store>, Q) -> Fut,
) -> Response
where
    Q: ProstMessage,
    R: ProstMessage,
    Fut: Future<Output = Result<R, Failure>> + Send + 'static,
{
    let answer =
        move |request: Q| async move { method(store, request).await.map_err(Status::from) };
    grpc::unary(request, answer).await
}

async fn create_bucket(
    store: Arc<Store>,
    request: pb::CreateBucketRequest,
) -> Result<pb::Bucket, Failure> {
    let given = request.bucket.unwrap_or_default();
    // If the parent is `projects/_`, the project is a field of the bucket.
    let project = match request.parent.strip_prefix("projects/") {
        None | Some("_" | "") => given.project.trim_start_matches("projects/"),
        Some(project) => project,
    };
    let resource = proto::bucket_resource(&given);
    let bucket = Bucket::new(project, &request.bucket_id, &resource, store.clock.now())?;
    Ok(proto::bucket(&store.insert_bucket(bucket)?))
}

async fn get_object(
    store: Arc<Store>,
    request: pb::GetObjectRequest,
) -> Result<pb::Object, Failure> {
    if request.soft_deleted() {
        return Err(Failure::Unserved(
            "GetObject of soft-deleted objects".to_owned(),
        ));
    }
    let name = proto::name(&request.bucket, &request.object)?;
    let generation = proto::generation(request.generation);
    let found = store.find(&name, generation, conditions!(request))?;
    Ok(proto::object(found.object))
}

async fn list_objects(
    store: Arc<Store>,
    request: pb::ListObjectsRequest,
) -> Result<pb::ListObjectsResponse, Failure> {
    if request.soft_deleted || !request.match_glob.is_empty() || !request.filter.is_empty() {
        let what = "ListObjects with soft_deleted, match_glob or filter";
        return Err(Failure::Unserved(what.to_owned()));
    }
    let listing = Listing {
        prefix: request.prefix,
        delimiter: request.delimiter,
        include_trailing_delimiter: request.include_trailing_delimiter,
        start: request.lexicographic_start,
        end: request.lexicographic_end,
        versions: request.versions,
        max: page_size(request.page_size),
        token: request.page_token,
    };
    let page = store.list(proto::bucket_id(&request.parent)?, &listing)?;
    Ok(pb::ListObjectsResponse {
        objects: page.objects.into_iter().map(proto::object).collect(),
        prefixes: page.prefixes,
        next_page_token: page.next,
    })
}

async fn update_object(
    store: Arc<Store>,
    request: pb::UpdateObjectRequest,
) -> Result<pb::Object, Failure> {
    let conditions = conditions!(request);
    let new = request.object.ok_or(Failure::Required("object"))?;
    let mask = request
        .update_mask
        .ok_or(Failure::Required("update_mask"))?
        .paths;
    let name = proto::name(&new.bucket, &new.name)?;
    let generation = proto::generation(new.generation);
    let new = proto::attributes(new);
    let updated = store.update(&name, generation, conditions, |old| {
        proto::masked(old, &new, &mask)
    })?;
    Ok(proto::object(updated))
}

async fn delete_object(store: Arc<Store>, request: pb::DeleteObjectRequest) -> Result<(), Failure> {
    let name = proto::name(&request.bucket, &request.object)?;
    let generation = proto::generation(request.generation);
    store.delete(&name, generation, conditions!(request))
}

async fn compose_object(
    store: Arc<Store>,
    request: pb::ComposeObjectRequest,
) -> Result<pb::Object, Failure> {
    if request.delete_source_objects() {
        let what = "ComposeObject with delete_source_objects";
        return Err(Failure::Unserved(what.to_owned()));
    }
    let given = request
        .destination
        .ok_or(Failure::Required("destination"))?;
    let name = proto::name(&given.bucket, &given.name)?;
    let sources = request.source_objects.into_iter().map(|source| {
        let preconditions = source.object_preconditions.unwrap_or_default();
        CopySource {
            name: super::object::ObjectName::new(&name.bucket, source.name),
            generation: proto::generation(source.generation),
            conditions: Conditions {
                generation: preconditions.if_generation_match,
                ..Conditions::default()
            },
        }
    });
    let sources: Vec<CopySource> = sources.collect();
    let target = NewObject {
        name,
        attributes: proto::attributes(given).validate()?,
        conditions: Conditions {
            generation: request.if_generation_match,
            metageneration: request.if_metageneration_match,
            ..Conditions::default()
        },
        component_count: None,
    };
    Ok(proto::object(store.compose(&sources, target).await?))
}

async fn rewrite_object(
    store: Arc<Store>,
    request: pb::RewriteObjectRequest,
) -> Result<pb::RewriteResponse, Failure> {
    if !request.rewrite_token.is_empty() {
        return Err(Failure::Invalid("Invalid rewrite token.".to_owned()));
    }
    let source = CopySource {
        name: proto::name(&request.source_bucket, &request.source_object)?,
        generation: proto::generation(request.source_generation),
        conditions: Conditions {
            generation: request.if_source_generation_match,
            generation_not: request.if_source_generation_not_match,
            metageneration: request.if_source_metageneration_match,
            metageneration_not: request.if_source_metageneration_not_match,
        },
    };
    let conditions = conditions!(request);
    let name = proto::name(&request.destination_bucket, &request.destination_name)?;
    let attributes = proto::attributes(request.destination.unwrap_or_default()).validate()?;
    let object = store.copy(&source, name, conditions, attributes).await?;
    let size = proto::size(object.size_bytes);
    Ok(pb::RewriteResponse {
        total_bytes_rewritten: size,
        object_size: size,
        done: true,
        rewrite_token: String::new(),
        resource: Some(proto::object(object)),
    })
}

/// Entries of a page; 0 means the default.
fn page_size(request: i32) -> usize {
    let request = usize::try_from(request).ok().filter(|size| *size > 0);
    request.unwrap_or(PAGE_MAX).min(PAGE_MAX)
}
