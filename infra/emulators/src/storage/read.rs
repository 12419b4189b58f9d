//! Reads over gRPC: `ReadObject`, and `BidiReadObject` for many ranges on one stream.

use std::{ops::Range, sync::Arc};

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{
    condition::conditions,
    copy::missing_file,
    failure::Failure,
    object::ObjectName,
    proto,
    store::{Store, StoredObject},
};

/// Messages queued for a slow reader of one stream, of at most 1 MiB each.
const WAITING_MAX: usize = 2;

/// Answers `ReadObject`.
pub(super) async fn one(
    store: &Store,
    request: pb::ReadObjectRequest,
) -> Result<impl Stream<Item = Result<pb::ReadObjectResponse, Status>> + use<>, Status> {
    let name = proto::name(&request.bucket, &request.object)?;
    let generation = proto::generation(request.generation);
    let StoredObject { object, content } = store.find(&name, generation, conditions!(request))?;
    if request.read_limit < 0 {
        return Err(Failure::Invalid("Invalid read limit.".to_owned()).into());
    }
    let range = within(request.read_offset, request.read_limit, object.size_bytes)?;
    let pieces = content.read(range.clone()).await;
    let pieces = pieces.map_err(|error| missing_file(error.into(), &name))?;
    let object = proto::object(object);
    let first = pb::ReadObjectResponse {
        checksummed_data: None,
        object_checksums: object.checksums.clone(),
        content_range: Some(pb::ContentRange {
            start: proto::size(range.start),
            end: proto::size(range.end),
            complete_length: object.size,
        }),
        metadata: Some(object),
    };
    let rest = pieces.map(|piece| {
        Ok(pb::ReadObjectResponse {
            checksummed_data: Some(checksummed(&piece.map_err(Failure::from)?)),
            ..pb::ReadObjectResponse::default()
        })
    });
    Ok(stream::once(async { Ok(first) }).chain(rest))
}

/// Answers `BidiReadObject`: the first message names the object, each may request ranges.
pub(super) async fn many(
    store: Arc<Store>,
    mut request: BoxStream<'static, Result<pb::BidiReadObjectRequest, Status>>,
) -> Result<ReceiverStream<Result<pb::BidiReadObjectResponse, Status>>, Status> {
    let first = request.try_next().await?.unwrap_or_default();
    let spec = first
        .read_object_spec
        .ok_or(Failure::Required("read_object_spec"))?;
    let name = proto::name(&spec.bucket, &spec.object)?;
    let generation = proto::generation(spec.generation);
    let stored = store.find(&name, generation, conditions!(spec))?;
    let (out, answers) = mpsc::channel(WAITING_MAX);
    let opening = pb::BidiReadObjectResponse {
        metadata: Some(proto::object(stored.object.clone())),
        read_handle: Some(pb::BidiReadHandle {
            handle: stored.object.etag().into_bytes(),
        }),
        ..pb::BidiReadObjectResponse::default()
    };
    let reader = Reader { name, stored, out };
    tokio::spawn(async move {
        let mut ranges = first.read_ranges;
        let mut resource = reader.out.send(Ok(opening)).await.is_ok();
        while resource {
            for range in std::mem::take(&mut ranges) {
                if let Err(status) = reader.answer(range).await {
                    drop(reader.out.send(Err(status)).await);
                    return;
                }
            }
            match request.next().await {
                Some(Ok(more)) => ranges = more.read_ranges,
                Some(Err(_)) | None => resource = false,
            }
        }
    });
    Ok(ReceiverStream::new(answers))
}

/// One stream of ranges.
struct Reader {
    name: ObjectName,
    stored: StoredObject,
    out: mpsc::Sender<Result<pb::BidiReadObjectResponse, Status>>,
}

impl Reader {
    /// Sends one range in pieces; the last piece is marked.
    async fn answer(&self, request: pb::ReadRange) -> Result<(), Status> {
        let size_bytes = self.stored.object.size_bytes;
        if request.read_length < 0 {
            return Err(Failure::Invalid("Invalid read length.".to_owned()).into());
        }
        let range = within(request.read_offset, request.read_length, size_bytes)?;
        let pieces = self.stored.content.read(range.clone()).await;
        let mut pieces = pieces.map_err(|error| missing_file(error.into(), &self.name))?;
        let mut offset = range.start;
        loop {
            let piece = pieces.try_next().await.map_err(Failure::from)?;
            let length = piece.as_ref().map_or(0, bytes::Bytes::len) as u64;
            let end = offset + length >= range.end || piece.is_none();
            let data = pb::ObjectRangeData {
                checksummed_data: piece.map(|piece| checksummed(&piece)),
                read_range: Some(pb::ReadRange {
                    read_offset: proto::size(offset),
                    read_length: proto::size(length),
                    read_id: request.read_id,
                }),
                range_end: end,
            };
            let message = pb::BidiReadObjectResponse {
                object_data_ranges: vec![data],
                ..pb::BidiReadObjectResponse::default()
            };
            let published = self.out.send(Ok(message)).await;
            offset += length;
            if end || published.is_err() {
                return Ok(());
            }
        }
    }
}

/// The requested range: a negative offset counts from the end, a limit of 0 means none.
fn within(offset: i64, limit: i64, size_bytes: u64) -> Result<Range<u64>, Failure> {
    let start = if offset < 0 {
        size_bytes.saturating_sub(offset.unsigned_abs())
    } else {
        offset.unsigned_abs()
    };
    if start > size_bytes {
        return Err(Failure::Range { size_bytes });
    }
    let end = match limit.unsigned_abs() {
        0 => size_bytes,
        limit => start.saturating_add(limit).min(size_bytes),
    };
    Ok(start..end)
}

fn checksummed(piece: &bytes::Bytes) -> pb::ChecksummedData {
    pb::ChecksummedData {
        content: piece.to_vec(),
        crc32c: Some(crc32c::crc32c(piece)),
    }
}
