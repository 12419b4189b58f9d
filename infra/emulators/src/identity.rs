//! The identity of callers: the metadata server with default credentials, and the token-signing key.
//!
//! With `GCE_METADATA_HOST` set to the emulators, Google's client libraries find default credentials
//! here as they do on Cloud Run.

mod key;
mod metadata;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::json;

use crate::{
    clock::Clock,
    grpc::{Request, Response},
    options::Error,
    rest,
};

use self::key::SigningKey;

/// How long a token is given again. A receiver has the other half of its life to verify it.
const TOKEN_REUSE: TimeDelta = TimeDelta::seconds(key::TOKEN_LIFE_S / 2);

/// A signed token, and when it was signed.
#[derive(Debug)]
struct Minted {
    token: String,
    at: DateTime<Utc>,
}

/// The signing key, and the project of the metadata server.
#[derive(Debug, Clone)]
pub(crate) struct IdentityService {
    project: String,
    clock: Clock,
    key: &'static SigningKey,
    /// The newest token of each email and audience: a signature costs more than a whole delivery, and
    /// Google's senders use a token again too.
    minted: Arc<Mutex<HashMap<(String, String), Minted>>>,
}

impl IdentityService {
    pub(crate) fn new(project: &str, clock: &Clock) -> Result<Self, Error> {
        Ok(Self {
            project: project.to_owned(),
            clock: clock.clone(),
            key: SigningKey::of_process().map_err(|error| Error::Key(error.into()))?,
            minted: Arc::default(),
        })
    }

    /// An ID token of `email` for `audience`, valid for at least half an hour of the simulated time.
    pub(crate) fn mint(&self, email: &str, audience: &str) -> String {
        let now = self.clock.now();
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (email.to_owned(), audience.to_owned());
        if let Some(newest) = minted.get(&known)
            && now - newest.at < TOKEN_REUSE
        {
            return newest.token.clone();
        }
        match self.key.sign(email, audience, now) {
            Ok(token) => {
                let newest = Minted {
                    token: token.clone(),
                    at: now,
                };
                minted.insert(known, newest);
                token
            }
            Err(error) => {
                // Without a token the receiver answers 401, which is as visible as this error.
                tracing::error!(%error, "cannot sign a token");
                String::new()
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_again_for_half_of_its_life() {
        let clock = Clock::starting_now(1.0);
        let service = IdentityService::new("p", &clock).unwrap();
        let first = service.mint("push@p.iam", "https://tune");
        assert_eq!(service.mint("push@p.iam", "https://tune"), first);
        assert_ne!(
            service.mint("push@p.iam", "https://watch"),
            first,
            "audience"
        );
        assert_ne!(
            service.mint("other@p.iam", "https://tune"),
            first,
            "account"
        );
        let old = Minted {
            token: first.clone(),
            at: clock.now() - TOKEN_REUSE,
        };
        let key = ("push@p.iam".to_owned(), "https://tune".to_owned());
        service.minted.lock().unwrap().insert(key, old);
        let next = service.mint("push@p.iam", "https://tune");
        assert_eq!(service.mint("push@p.iam", "https://tune"), next);
        let minted = service.minted.lock().unwrap();
        let newest = &minted[&("push@p.iam".to_owned(), "https://tune".to_owned())];
        assert!(
            clock.now() - newest.at < TimeDelta::minutes(1),
            "signed anew"
        );
    }
}
