//! Reads the operator's policy from its object.

use super::objects::Objects;
use crate::{
    error::Error,
    policy::{FILE_MAX_BYTES, InvalidPolicy, Policy, StoredPolicy},
    uri::GcsUri,
};

/// Why there is no policy to act by. Then nothing is bought.
#[derive(Debug, thiserror::Error)]
pub enum NoPolicy {
    /// There is no object.
    #[error("no policy `{0}`: lay one with `lapidary policy set FILE`")]
    Missing(GcsUri),
    /// It is larger than a policy can be.
    #[error("policy `{uri}` has {bytes} bytes: expected at most {FILE_MAX_BYTES}")]
    TooLarge {
        /// The object.
        uri: GcsUri,
        /// Its size.
        bytes: u64,
    },
    /// It is not a policy.
    #[error("policy `{uri}` is invalid")]
    Invalid {
        /// The object.
        uri: GcsUri,
        /// Every fault in it.
        #[source]
        source: InvalidPolicy,
    },
    /// It cannot be read.
    #[error("policy `{uri}` cannot be read")]
    Unread {
        /// The object.
        uri: GcsUri,
        /// The failure.
        #[source]
        source: Error,
    },
}

/// The object that holds the policy.
#[derive(Debug, Clone)]
pub struct PolicyObject {
    objects: Objects,
    uri: GcsUri,
}

impl PolicyObject {
    /// The policy at `uri`.
    pub fn new(objects: Objects, uri: GcsUri) -> Self {
        Self { objects, uri }
    }

    /// Reads the policy as it is now.
    ///
    /// # Errors
    ///
    /// Where there is none that can be acted by.
    pub async fn read(&self) -> Result<StoredPolicy, NoPolicy> {
        let (text, generation) = self.text().await?;
        let policy = Policy::parse(&text).map_err(|source| NoPolicy::Invalid {
            uri: self.uri.clone(),
            source,
        })?;
        Ok(StoredPolicy { policy, generation })
    }

    /// Reads its text and its generation, whether or not it is a policy.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn text(&self) -> Result<(String, i64), NoPolicy> {
        let uri = &self.uri;
        let missing = || NoPolicy::Missing(uri.clone());
        let unread = |source| NoPolicy::Unread {
            uri: uri.clone(),
            source,
        };
        let stat = self.objects.stat(uri, None).await.map_err(unread)?;
        let stat = stat.ok_or_else(missing)?;
        let bytes = stat.size_bytes;
        if bytes > FILE_MAX_BYTES {
            return Err(NoPolicy::TooLarge {
                uri: uri.clone(),
                bytes,
            });
        }
        if bytes == 0 {
            // A range of no bytes is refused.
            return Ok((String::new(), stat.artifact.generation));
        }
        // This generation, so that text and generation belong together.
        let read = self.objects.read_range(&stat.artifact, 0, bytes).await;
        let read = read.map_err(unread)?.ok_or_else(missing)?;
        let text = String::from_utf8_lossy(&read).into_owned();
        Ok((text, stat.artifact.generation))
    }
}
