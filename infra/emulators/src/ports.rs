//! Calls from one emulator to another, as functions, so that no emulator imports another.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

/// Publishes a message to a topic (its full name) from another emulator: object notifications,
/// alerts, ticks.
///
/// If the topic does not exist, the message is logged and dropped, as in the cloud.
pub(crate) type Publish = Arc<dyn Fn(&str, Vec<u8>, BTreeMap<String, String>) + Send + Sync>;

/// Reads the live generation of an object (`bucket`, `object`) for another emulator: training files.
pub(crate) type ReadObject = Arc<dyn Fn(&str, &str) -> Option<Bytes> + Send + Sync>;

/// Mints an OIDC token for a service account (`email`, `audience`), as Google signs its pushes.
pub(crate) type MintToken = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;
