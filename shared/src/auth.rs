//! Authentication: every request but `GET /health` passes here, whichever route it is for.
//!
//! | callers | setting | `verify` | `cloud-run-iam` | `iap` | `off` |
//! |---|---|---|---|---|---|
//! | pushes | `PUSH_AUTH` | signature and claims | claims: the front end took the signature | | nothing |
//! | programs | `PROGRAM_AUTH` | signature and claims | claims: the front end took the signature | | nothing |
//! | people | `PEOPLE_AUTH` | | | the proxy's signature and claims | nothing |
//!
//! No mode is the default: a service without the setting does not start, and on Cloud Run a
//! service that checks nothing does not start either.
//!
//! `google-cloud-auth` 1.18 has a verifier of ID tokens (feature `idtoken`). It takes our audience,
//! e-mail address and key URL, but not the rest of the table in `auth/tests.rs`, so it is not used:
//!
//! * it takes the algorithm from the token, not from us;
//! * its cache of keys takes a lock that it does not wait for, so that of two tokens at the same time
//!   one is refused, although its key is known;
//! * every unknown key id leads to a fetch, without a time-out, under that lock: a storm of made-up
//!   key ids keeps good tokens out;
//! * known keys end after an hour, even while their publisher is unavailable;
//! * it checks the expiry by the system's time, where ours may run faster, and limits no lifetime;
//! * a signed token without `email_verified` makes it panic.

mod keys;
mod token;

use std::{fmt, str::FromStr, sync::Arc};

use actix_web::{
    HttpMessage as _, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
    middleware::Next,
};
use jsonwebtoken::Algorithm;

use self::{
    keys::SigningKeys,
    token::{Claims, Expected, Proof},
};
use crate::{clock::Clock, config::Reader, error::Error};

/// The path at which any caller may ask whether a service is up.
pub(crate) const HEALTH: &str = "/health";

/// Where Google publishes the keys that sign its identity tokens.
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// The issuers of those tokens.
const GOOGLE: &[&str] = &["https://accounts.google.com", "accounts.google.com"];
/// Where Identity-Aware Proxy publishes its keys.
const PROXY_KEYS: &str = "https://www.gstatic.com/iap/verify/public_key-jwk";
/// The issuer of the proxy's assertions.
const PROXY: &[&str] = &["https://cloud.google.com/iap"];
/// The header with the proxy's signed assertion. Its other headers are not signed, and not read.
const PROXY_HEADER: &str = "x-goog-iap-jwt-assertion";
/// A second header for a token, which Cloud Run would check in place of the usual one.
const SECOND_HEADER: &str = "x-serverless-authorization";

/// Who calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Pub/Sub, Cloud Scheduler and Eventarc: every delivery carries a token of one push account.
    Pushes,
    /// Any program that the platform lets in.
    Programs,
    /// People behind Identity-Aware Proxy.
    People,
}

/// The authenticated sender of a request; in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The kind of callers that this service accepts.
    pub callers: Callers,
    /// The e-mail address of the account, where its token has one.
    pub email: Option<String>,
}

/// How callers are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Signature and claims, by ourselves.
    Verify,
    /// Cloud Run's front end has checked the signature and removed it; the claims remain.
    CloudRunIam,
    /// Identity-Aware Proxy lets people in, and signs an assertion with their address.
    Iap,
    /// Not at all: refused on Cloud Run.
    Off,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "verify" => Ok(Self::Verify),
            "cloud-run-iam" => Ok(Self::CloudRunIam),
            "iap" => Ok(Self::Iap),
            "off" => Ok(Self::Off),
            _ => Err("expected one of `verify`, `cloud-run-iam`, `iap`, `off`".to_owned()),
        }
    }
}

impl Callers {
    /// The setting that chooses how they are checked, its allowed values, and those as text.
    fn setting(self) -> (&'static str, &'static [Mode], &'static str) {
        match self {
            Self::Pushes => (
                "PUSH_AUTH",
                &[Mode::Verify, Mode::CloudRunIam, Mode::Off],
                "must be `verify`, `cloud-run-iam` or `off`",
            ),
            Self::Programs => (
                "PROGRAM_AUTH",
                &[Mode::Verify, Mode::CloudRunIam, Mode::Off],
                "must be `verify`, `cloud-run-iam` or `off`",
            ),
            Self::People => (
                "PEOPLE_AUTH",
                &[Mode::Iap, Mode::Off],
                "must be `iap` or `off`",
            ),
        }
    }

    /// The claims that their tokens must have, and the address of the keys.
    fn expected(self, mode: Mode, read: &mut Reader<'_>) -> Option<(Expected, String)> {
        let (audience, email, keys) = match self {
            Self::Pushes => {
                let audience = read.required("PUSH_AUDIENCE").map(Some);
                let email = read.required("PUSH_EMAIL").map(Some);
                let keys = read.or("PUSH_JWKS_URL", GOOGLE_KEYS.to_owned());
                (audience, email, keys)
            }
            Self::Programs => {
                // Where the front end has checked the audience, people's own tokens come too,
                // whose audience is Google's command line.
                let audience = if mode == Mode::Verify {
                    read.required("PROGRAM_AUDIENCE").map(Some)
                } else {
                    Some(None)
                };
                let keys = read.or("PROGRAM_JWKS_URL", GOOGLE_KEYS.to_owned());
                (audience, Some(None), keys)
            }
            Self::People => {
                let audience = read.required("IAP_AUDIENCE").map(Some);
                let keys = read.or("IAP_JWKS_URL", PROXY_KEYS.to_owned());
                (audience, Some(None), keys)
            }
        };
        let (issuers, algorithm) = match self {
            Self::Pushes | Self::Programs => (GOOGLE, Algorithm::RS256),
            Self::People => (PROXY, Algorithm::ES256),
        };
        let expected = Expected {
            issuers,
            algorithm,
            audience: audience?,
            email: email?,
            named: self == Self::People,
        };
        Some((expected, keys?))
    }
}

/// Checks who calls a service.
pub(crate) struct Auth {
    callers: Callers,
    /// `None`: every caller is let in.
    check: Option<Check>,
}

struct Check {
    mode: Mode,
    expected: Expected,
    keys: SigningKeys,
    clock: Clock,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("callers", &self.callers)
            .field("mode", &self.check.as_ref().map(|check| check.mode))
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Reads the settings for `callers`.
    pub(crate) fn read(
        callers: Callers,
        read: &mut Reader<'_>,
        clock: Option<Clock>,
        http: Option<reqwest::Client>,
    ) -> Option<Self> {
        let (name, modes, allowed) = callers.setting();
        let mode: Mode = read.required(name)?;
        if !modes.contains(&mode) {
            read.fault(format!("{name} {allowed}"));
            return None;
        }
        if mode == Mode::Off {
            if read.is_on_cloud_run() {
                read.fault(format!(
                    "{name} is `off`: refused on Cloud Run; it {allowed}"
                ));
                return None;
            }
            return Some(Self {
                callers,
                check: None,
            });
        }
        let (expected, url) = callers.expected(mode, read)?;
        Some(Self {
            callers,
            check: Some(Check {
                mode,
                expected,
                keys: SigningKeys::new(url, http?),
                clock: clock?,
            }),
        })
    }

    /// Authenticates the sender of a request with these headers.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] naming the check that failed, [`Error::Unavailable`] where
    /// the keys cannot be fetched.
    async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let email = match &self.check {
            None => None,
            Some(check) => check.claims(headers).await?.email,
        };
        Ok(Caller {
            callers: self.callers,
            email,
        })
    }
}

impl Check {
    async fn claims(&self, headers: &HeaderMap) -> Result<Claims, Error> {
        let proof = match self.mode {
            Mode::Iap => Proof::of_assertion(headers, PROXY_HEADER),
            Mode::Verify | Mode::CloudRunIam | Mode::Off => {
                if headers.contains_key(SECOND_HEADER) {
                    return Err(Error::Unauthenticated("a second token in another header"));
                }
                Proof::of_bearer(headers)
            }
        }
        .map_err(Error::Unauthenticated)?;
        let key = proof.key(&self.expected).map_err(Error::Unauthenticated)?;
        let claims = if proof.is_signed() {
            let key = self.keys.get(&key).await?;
            proof.verified(&key, &self.expected)
        } else if self.mode == Mode::CloudRunIam {
            proof.unsigned()
        } else {
            Err("the signature was removed")
        }
        .map_err(Error::Unauthenticated)?;
        let now = self.clock.now().timestamp();
        self.expected
            .check(&claims, now)
            .map_err(Error::Unauthenticated)?;
        Ok(claims)
    }
}

/// Lets a request through to its route, if its sender is authenticated.
pub(crate) async fn admit(
    auth: Arc<Auth>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.path() != HEALTH {
        let caller = auth.admit(request.headers()).await?;
        request.extensions_mut().insert(caller);
    }
    next.call(request).await
}

/// The sender of `request`, once it has passed.
pub fn caller(request: &HttpRequest) -> Option<Caller> {
    request.extensions().get::<Caller>().cloned()
}

#[cfg(test)]
mod tests;
