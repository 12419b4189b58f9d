//! Cloud Storage: reads one generation of an object, writes only where there is none.
//!
//! Google's client reads and writes the bytes. Metadata is read by REST: the client's other half,
//! `StorageControl`, compiles all of its 57 methods into the crate that starts it, which were two
//! fifths of this crate's code, for the three that are called.

mod metadata;
mod upload;

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_storage::{client::Storage, model::Object, model_ext::ReadRange};
use serde::{Deserialize, Serialize};

pub use self::upload::UploadStream;
use self::{metadata::Metadata, upload::UploadContent};
use crate::{
    error::Error,
    google::{StartError, rest::Rest},
    outcome::{self, CallError, Idempotency, RpcCode},
    uri::{Artifact, GcsUri},
};

/// The service's name in messages.
const SERVICE: &str = "Cloud Storage";

/// Longest that one call may be retried.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Attempts of one call.
const ATTEMPTS_MAX: u32 = 4;

/// The bytes of one generation, as they come.
pub type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// The metadata of one generation of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Its address and generation.
    pub artifact: Artifact,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Checksum of its bytes.
    pub crc32c: Option<u32>,
    /// MD5 of its bytes, in hex; composed objects have none.
    pub md5: String,
    /// The address of the person who uploaded it: its metadata `uploader`, or the owner of an object
    /// in a bucket with access lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploader: Option<String>,
}

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its address and generation.
    pub artifact: Artifact,
    /// When that generation was written.
    pub created_at: DateTime<Utc>,
}

/// The outcome of a write that expects no object to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// This write created it.
    New(Stat),
    /// It was there before: an earlier delivery wrote it.
    Before(Stat),
}

impl Created {
    /// The object that is there now, from either write.
    pub fn into_stat(self) -> Stat {
        match self {
            Self::New(stat) | Self::Before(stat) => stat,
        }
    }
}

/// The outcome of a write over a generation that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// It took place.
    Done(Stat),
    /// Another write was faster.
    Lost,
}

/// The client of Cloud Storage.
#[derive(Clone)]
pub struct Objects {
    data: Storage,
    metadata: Metadata,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects {
    pub(crate) async fn connect(
        endpoint: Option<&str>,
        credentials: Credentials,
        rest: Rest,
    ) -> Result<Self, StartError> {
        let retries = Aip194Strict
            .with_time_limit(CALL_MAX)
            .with_attempt_limit(ATTEMPTS_MAX);
        let mut data = Storage::builder()
            .with_credentials(credentials)
            .with_retry_policy(retries);
        if let Some(endpoint) = endpoint {
            data = data.with_endpoint(endpoint);
        }
        let failed = StartError::of(SERVICE);
        Ok(Self {
            data: data.build().await.map_err(|error| failed(error.into()))?,
            metadata: Metadata::new(rest),
        })
    }

    /// Reads the metadata of `uri`: of the live generation, or of the given one.
    pub fn stat<'a>(
        &'a self,
        uri: &'a GcsUri,
        generation: Option<i64>,
    ) -> BoxFuture<'a, Result<Option<Stat>, Error>> {
        Box::pin(async move { found_or_missing(self.metadata.get(uri, generation).await) })
    }

    /// Reads one generation as a stream; `None` where it is gone.
    pub fn stream<'a>(
        &'a self,
        artifact: &'a Artifact,
    ) -> BoxFuture<'a, Result<Option<Chunks>, Error>> {
        Box::pin(async move {
            let opened = self
                .data
                .read_object(bucket(&artifact.uri), &artifact.uri.object)
                .set_generation(artifact.generation)
                .send()
                .await;
            let Some(response) = found_or_missing(opened.map_err(call_error))? else {
                return Ok(None);
            };
            let chunks = futures::stream::unfold(response, |mut response| async move {
                let chunk = response.next().await?.map_err(io::Error::other);
                Some((chunk, response))
            });
            Ok(Some(chunks.boxed()))
        })
    }

    /// Reads `length` bytes of one generation from `offset` on, fewer at its end; `None` where it
    /// is gone.
    pub fn read_range<'a>(
        &'a self,
        artifact: &'a Artifact,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, Error>> {
        Box::pin(async move {
            let opened = self
                .data
                .read_object(bucket(&artifact.uri), &artifact.uri.object)
                .set_generation(artifact.generation)
                .set_read_range(ReadRange::segment(offset, length))
                .send()
                .await;
            let Some(mut response) = found_or_missing(opened.map_err(call_error))? else {
                return Ok(None);
            };
            let mut all = Vec::new();
            while let Some(chunk) = response.next().await {
                all.extend_from_slice(&chunk.map_err(failed)?);
            }
            Ok(Some(all.into()))
        })
    }

    /// Reads the whole of a small object; `None` where it is gone.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] above `max_bytes`.
    pub fn read<'a>(
        &'a self,
        uri: &'a GcsUri,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, Error>> {
        Box::pin(async move {
            let Some(stat) = self.stat(uri, None).await? else {
                return Ok(None);
            };
            if stat.size_bytes > max_bytes {
                return Err(Error::Refused(format!(
                    "{uri} has {} bytes, and at most {max_bytes} are read",
                    stat.size_bytes
                )));
            }
            let Some(mut stream) = self.stream(&stat.artifact).await? else {
                return Ok(None);
            };
            let mut all = Vec::new();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|error| Error::unavailable(SERVICE)(error.into()))?;
                all.extend_from_slice(&chunk);
            }
            Ok(Some(all.into()))
        })
    }

    /// Writes `content` to `uri`, unless something is there.
    pub fn create<'a>(
        &'a self,
        uri: &'a GcsUri,
        content_type: &'a str,
        content: Bytes,
    ) -> BoxFuture<'a, Result<Created, Error>> {
        self.write(uri, content_type, content.into())
    }

    /// Writes `content` over the generation `before` of `uri`, if that is still the live one; 0 expects
    /// nothing there.
    pub fn replace<'a>(
        &'a self,
        uri: &'a GcsUri,
        before: i64,
        content_type: &'a str,
        content: String,
    ) -> BoxFuture<'a, Result<Replaced, Error>> {
        Box::pin(async move {
            let content = UploadContent::from(Bytes::from(content));
            let written = self
                .data
                .write_object(bucket(uri), &uri.object, content)
                .set_if_generation_match(before)
                .set_content_type(content_type)
                .send_buffered()
                .await;
            match written.map_err(call_error) {
                Ok(object) => Ok(Replaced::Done(stat(uri, &object))),
                Err(error) if error.code() == Some(RpcCode::FailedPrecondition) => {
                    Ok(Replaced::Lost)
                }
                Err(error) => Err(Error::call(SERVICE)(error)),
            }
        })
    }

    /// Writes a stream to `uri`, unless something is there.
    pub fn create_streamed<'a>(
        &'a self,
        uri: &'a GcsUri,
        content_type: &'a str,
        content: UploadStream,
    ) -> BoxFuture<'a, Result<Created, Error>> {
        self.write(uri, content_type, content.into())
    }

    /// The client's code for uploads is generic over what it reads: this is the one place that
    /// instantiates it.
    fn write<'a>(
        &'a self,
        uri: &'a GcsUri,
        content_type: &'a str,
        content: UploadContent,
    ) -> BoxFuture<'a, Result<Created, Error>> {
        Box::pin(async move {
            let written = self
                .data
                .write_object(bucket(uri), &uri.object, content)
                .set_if_generation_match(0_i64)
                .set_content_type(content_type)
                .send_buffered()
                .await;
            self.created(uri, written).await
        })
    }

    /// Lists the live objects of `bucket_name` whose names begin with `prefix`.
    pub fn list<'a>(
        &'a self,
        bucket_name: &'a str,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Stat>, Error>> {
        Box::pin(async move {
            let listed = self.metadata.list(bucket_name, prefix).await;
            listed.map_err(Error::call(SERVICE))
        })
    }

    /// Lists a page of the live objects of `bucket_name`, and where the next one begins: empty at the end.
    /// `token` is that, or empty for the first one.
    pub fn list_page<'a>(
        &'a self,
        bucket_name: &'a str,
        token: &'a str,
    ) -> BoxFuture<'a, Result<(Vec<ListedObject>, String), Error>> {
        Box::pin(async move {
            let listed = self.metadata.page(bucket_name, token).await;
            listed.map_err(Error::call(SERVICE))
        })
    }

    /// Deletes one generation; one that is gone already counts as deleted.
    pub fn delete<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { found_or_missing(self.metadata.delete(artifact).await).map(drop) })
    }

    async fn created(
        &self,
        uri: &GcsUri,
        written: Result<Object, google_cloud_storage::Error>,
    ) -> Result<Created, Error> {
        let error = match written {
            Ok(object) => return Ok(Created::New(stat(uri, &object))),
            Err(error) => call_error(error),
        };
        if error.code() == Some(RpcCode::FailedPrecondition) {
            return match self.stat(uri, None).await? {
                Some(stat) => Ok(Created::Before(stat)),
                None => Err(Error::Busy("an object came and went".into())),
            };
        }
        match error {
            // To overwrite is to delete, which functions may not do with versions: whether the
            // service checks that before the precondition, no page says. So look.
            // https://cloud.google.com/storage/docs/access-control/iam-permissions#objects
            CallError::NotAllowed(_) => match self.stat(uri, None).await {
                Ok(Some(stat)) => Ok(Created::Before(stat)),
                Ok(None) | Err(_) => Err(Error::call(SERVICE)(error)),
            },
            CallError::No(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_) => Err(Error::call(SERVICE)(error)),
        }
    }
}

fn bucket(uri: &GcsUri) -> String {
    format!("projects/_/buckets/{}", uri.bucket)
}

fn stat(uri: &GcsUri, object: &Object) -> Stat {
    let checksums = object.checksums.clone().unwrap_or_default();
    Stat {
        artifact: Artifact {
            uri: uri.clone(),
            generation: object.generation,
        },
        size_bytes: u64::try_from(object.size).unwrap_or_default(),
        crc32c: checksums.crc32c,
        md5: data_encoding::HEXLOWER.encode(&checksums.md5_hash),
        uploader: metadata::uploader(
            object.metadata.get(metadata::UPLOADER).map(String::as_str),
            object.owner.as_ref().map(|owner| owner.entity.as_str()),
        ),
    }
}

/// What was found; `None` where there is nothing.
fn found_or_missing<T>(read: Result<T, CallError>) -> Result<Option<T>, Error> {
    outcome::found(read).map_err(Error::call(SERVICE))
}

fn failed(error: google_cloud_storage::Error) -> Error {
    Error::call(SERVICE)(call_error(error))
}

/// Every call here is idempotent: reads, deletes of one generation, and writes where nothing is.
fn call_error(error: google_cloud_storage::Error) -> CallError {
    CallError::of_client(error, Idempotency::Idempotent)
}
