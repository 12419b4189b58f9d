//! The identity of callers: the metadata server with default credentials, and the token-signing key.
//!
//! With `GCE_METADATA_HOST` set to the emulators, Google's client libraries find default credentials
//! here as they do on Cloud Run.

mod key;
mod metadata;

use http::Method;
use serde_json::json;

use crate::{
    clock::Clock,
    grpc::{Request, Response},
    options::Error,
    rest,
};

use self::key::SigningKey;

/// The signing key, and the project of the metadata server.
#[derive(Debug, Clone)]
pub(crate) struct IdentityService {
    project: String,
    clock: Clock,
    key: &'static SigningKey,
}

impl IdentityService {
    pub(crate) fn new(project: &str, clock: &Clock) -> Result<Self, Error> {
        Ok(Self {
            project: project.to_owned(),
            clock: clock.clone(),
            key: SigningKey::of_process().map_err(|error| Error::Key(error.into()))?,
        })
    }

    /// An ID token of `email` for `audience`, valid for an hour of the simulated time.
    pub(crate) fn mint(&self, email: &str, audience: &str) -> String {
        self.key
            .sign(email, audience, self.clock.now())
            .unwrap_or_else(|error| {
                // Without a token the receiver answers 401, which is as visible as this error.
                tracing::error!(%error, "cannot sign a token");
                String::new()
            })
    }

    pub(crate) fn rest(&self, request: &Request) -> Response {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/certs") => rest::ok(self.key.jwks()),
            // Where a service account's key file exchanges a signed claim for a token.
            (&Method::POST, "/token") => rest::ok(&metadata::access_token()),
            (&Method::GET, _) if path.starts_with("/computeMetadata/") => self.metadata(request),
            (method, _) => rest::Error::unimplemented(method, &path).into_response(),
        }
    }

    /// The account of the default credentials.
    fn email(&self) -> String {
        format!("emulator@{}.iam.gserviceaccount.com", self.project)
    }
}

/// The number of the project `id`: twelve digits, always the same for the same id.
pub(crate) fn project_number(id: &str) -> u64 {
    100_000_000_000 + u64::from(crc32c::crc32c(id.as_bytes()))
}

/// The JSON form of an account when the metadata server is queried recursively.
fn account(email: &str) -> serde_json::Value {
    json!({ "aliases": ["default"], "email": email, "scopes": [metadata::SCOPE] })
}
