//! Who may push: the OIDC token that Pub/Sub, Eventarc and Scheduler send along.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{Jwk, JwkSet},
};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    clock::Clock,
    config::Reader,
    error::{Error, Source},
};

/// Where Google publishes the keys that sign its tokens.
const GOOGLE_JWKS: &str = "https://www.googleapis.com/oauth2/v3/certs";
/// Who signs them.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// What Cloud Run's front end puts in place of a signature that it has checked.
const SIGNATURE_REMOVED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";
/// Bytes of a header that are looked at.
const HEADER_MAX_BYTES: usize = 8 << 10;
/// Bytes of a key's name.
const KID_MAX_BYTES: usize = 128;
/// Seconds that two clocks may differ.
const LEEWAY_S: i64 = 60;
/// Longest life of a token in seconds: an hour and the leeway.
const LIFE_MAX_S: i64 = 3_700;
/// Seconds between two fetches of the keys, whatever key is asked for.
const FETCH_INTERVAL: Duration = Duration::from_mins(1);
/// Keys kept; Google has two or three.
const KEYS_MAX: usize = 32;

/// How the token is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Signature and claims, by ourselves.
    Verify,
    /// Cloud Run's front end has checked the signature and removed it; the claims remain.
    CloudRunIam,
    /// Not at all: refused on Cloud Run.
    Off,
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "verify" => Ok(Self::Verify),
            "cloud-run-iam" => Ok(Self::CloudRunIam),
            "off" => Ok(Self::Off),
            _ => Err("must be `verify`, `cloud-run-iam` or `off`"),
        }
    }
}

/// Checks that a push comes from the service account that may send it.
pub struct PushAuth {
    mode: Mode,
    audience: String,
    email: String,
    keys_url: String,
    clock: Clock,
    http: reqwest::Client,
    keys: Mutex<Keys>,
}

impl fmt::Debug for PushAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushAuth")
            .field("mode", &self.mode)
            .field("audience", &self.audience)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Keys {
    by_name: HashMap<String, Arc<DecodingKey>>,
    fetched: Option<Instant>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    iat: i64,
    email: String,
    email_verified: bool,
}

impl PushAuth {
    /// Reads `PUSH_AUTH` (`verify` unless told), `PUSH_AUDIENCE`, `PUSH_EMAIL`, `PUSH_JWKS_URL`.
    pub(crate) fn read(read: &mut Reader<'_>, clock: Option<Clock>) -> Option<Self> {
        let mode = read.or("PUSH_AUTH", Mode::Verify)?;
        let on_cloud_run: Option<String> = read.optional("K_SERVICE")?;
        if mode == Mode::Off && on_cloud_run.is_some() {
            read.fault("PUSH_AUTH is `off`: refused on Cloud Run, use `cloud-run-iam` or `verify`");
            return None;
        }
        let (audience, email) = if mode == Mode::Off {
            (Some(String::new()), Some(String::new()))
        } else {
            (read.required("PUSH_AUDIENCE"), read.required("PUSH_EMAIL"))
        };
        let keys_url = read.or("PUSH_JWKS_URL", GOOGLE_JWKS.to_owned());
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(3))
            .build()
            .map_err(|error| read.fault(format!("the HTTP client does not start: {error}")))
            .ok();
        Some(Self {
            mode,
            audience: audience?,
            email: email?,
            keys_url: keys_url?,
            clock: clock?,
            http: http?,
            keys: Mutex::default(),
        })
    }

    /// Checks the token of `request`.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] naming the check that failed, [`Error::Unavailable`] where
    /// the keys cannot be fetched.
    pub(crate) async fn check(&self, request: &HttpRequest) -> Result<(), Error> {
        if self.mode == Mode::Off {
            return Ok(());
        }
        let token = bearer(request).map_err(Error::Unauthenticated)?;
        let (signed, signature) = token
            .rsplit_once('.')
            .ok_or(Error::Unauthenticated("the token has no signature"))?;
        let claims = match (self.mode, signature) {
            (Mode::CloudRunIam, SIGNATURE_REMOVED) => {
                unsigned_claims(signed).ok_or(Error::Unauthenticated("the claims do not parse"))?
            }
            (_, SIGNATURE_REMOVED) => {
                return Err(Error::Unauthenticated("the signature was removed"));
            }
            _ => self.verified_claims(token).await?,
        };
        self.check_claims(&claims).map_err(Error::Unauthenticated)
    }

    fn check_claims(&self, claims: &Claims) -> Result<(), &'static str> {
        let now = self.clock.now().timestamp();
        let ensure = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        ensure(ISSUERS.contains(&claims.iss.as_str()), "another issuer")?;
        ensure(claims.aud == self.audience, "another audience")?;
        ensure(now <= claims.exp + LEEWAY_S, "the token is expired")?;
        ensure(claims.iat <= now + LEEWAY_S, "the token is from the future")?;
        ensure(
            claims.exp - claims.iat <= LIFE_MAX_S,
            "the token lives too long",
        )?;
        ensure(claims.email_verified, "the e-mail is not verified")?;
        ensure(claims.email == self.email, "another service account")
    }

    async fn verified_claims(&self, token: &str) -> Result<Claims, Error> {
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_error| Error::Unauthenticated("the token's header does not parse"))?;
        if header.alg != Algorithm::RS256 {
            return Err(Error::Unauthenticated("another algorithm than RS256"));
        }
        let name = header
            .kid
            .filter(|name| name.len() <= KID_MAX_BYTES)
            .ok_or(Error::Unauthenticated("the token names no key"))?;
        let key = self.key(&name).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        // The claims are checked by `check_claims`, on our clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map(|data| data.claims)
            .map_err(|_error| Error::Unauthenticated("the signature or the claims are false"))
    }

    /// The key called `name`; fetched at most once a minute, kept when a fetch fails.
    async fn key(&self, name: &str) -> Result<Arc<DecodingKey>, Error> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.by_name.get(name) {
            return Ok(Arc::clone(key));
        }
        if keys.fetched.is_some_and(|at| at.elapsed() < FETCH_INTERVAL) {
            return Err(Error::Unauthenticated("an unknown key"));
        }
        let fetched = fetch(&self.http, &self.keys_url).await;
        keys.fetched = Some(Instant::now());
        match fetched {
            Ok(by_name) => keys.by_name = by_name,
            Err(source) if keys.by_name.is_empty() => {
                // Nothing to fall back on: the next delivery may try again at once.
                keys.fetched = None;
                return Err(Error::unavailable("the keys that sign push tokens")(source));
            }
            Err(_) => {}
        }
        keys.by_name
            .get(name)
            .cloned()
            .ok_or(Error::Unauthenticated("an unknown key"))
    }
}

async fn fetch(
    http: &reqwest::Client,
    url: &str,
) -> Result<HashMap<String, Arc<DecodingKey>>, Source> {
    let set: JwkSet = http
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let named = |jwk: &Jwk| {
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, Arc::new(key)))
    };
    Ok(set.keys.iter().take(KEYS_MAX).filter_map(named).collect())
}

fn bearer(request: &HttpRequest) -> Result<&str, &'static str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or("no Authorization header")?;
    if headers.next().is_some() {
        return Err("two Authorization headers");
    }
    if header.len() > HEADER_MAX_BYTES {
        return Err("the Authorization header is too long");
    }
    header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "))
        .ok_or("the Authorization header holds no bearer token")
}

fn unsigned_claims(signed: &str) -> Option<Claims> {
    let (_, claims) = signed.split_once('.')?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Vars;

    const AUDIENCE: &str = "https://clean";
    const EMAIL: &str = "push@p.iam";

    fn auth(mode: &str) -> PushAuth {
        let vars: Vars = [
            ("PUSH_AUTH", mode),
            ("PUSH_AUDIENCE", AUDIENCE),
            ("PUSH_EMAIL", EMAIL),
            ("PUSH_JWKS_URL", "http://127.0.0.1:1/none"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        PushAuth::read(&mut Reader::new(&vars), Some(Clock::system())).unwrap()
    }

    fn claims() -> Value {
        let now = Clock::system().now().timestamp();
        json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "email": EMAIL,
            "email_verified": true, "iat": now, "exp": now + 3600,
        })
    }

    fn token(claims: &Value, signature: &str) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "RS256", "kid": "k", "typ": "JWT"});
        format!("Bearer {}.{}.{signature}", part(&header), part(claims))
    }

    async fn check(mode: &str, header: Option<&str>) -> Result<(), String> {
        let mut request = TestRequest::default();
        if let Some(header) = header {
            request = request.insert_header((AUTHORIZATION, header));
        }
        let checked = auth(mode).check(&request.to_http_request()).await;
        checked.map_err(|error| error.to_string())
    }

    #[actix_web::test]
    async fn claims_are_checked_one_by_one() {
        let ok = token(&claims(), SIGNATURE_REMOVED);
        assert_eq!(check("cloud-run-iam", Some(&ok)).await, Ok(()));
        let now = Clock::system().now().timestamp();
        for (name, value, expected) in [
            ("iss", json!("https://evil"), "another issuer"),
            ("aud", json!("https://clean/"), "another audience"),
            ("aud", json!([AUDIENCE]), "do not parse"),
            ("exp", json!(now - 61), "expired"),
            ("exp", json!(now + 7200), "lives too long"),
            ("iat", json!(now + 120), "from the future"),
            ("email", json!("x@y"), "another service account"),
            ("email", Value::Null, "do not parse"),
            ("email_verified", json!(false), "not verified"),
            ("email_verified", json!("true"), "do not parse"),
        ] {
            let mut changed = claims();
            changed[name] = value;
            let header = token(&changed, SIGNATURE_REMOVED);
            let error = check("cloud-run-iam", Some(&header)).await.unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[actix_web::test]
    async fn a_header_that_is_no_token_is_refused() {
        for (header, expected) in [
            (None, "no Authorization"),
            (Some("Basic eA=="), "no bearer"),
            (Some("Bearer x"), "no signature"),
        ] {
            let error = check("verify", header).await.unwrap_err();
            assert!(error.contains(expected), "{header:?}: {error}");
        }
        let long = format!("Bearer {}", "x".repeat(HEADER_MAX_BYTES));
        assert!(
            check("verify", Some(&long))
                .await
                .unwrap_err()
                .contains("too long")
        );
    }

    #[actix_web::test]
    async fn a_removed_signature_is_refused_where_we_verify_ourselves() {
        let header = token(&claims(), SIGNATURE_REMOVED);
        let error = check("verify", Some(&header)).await.unwrap_err();
        assert!(error.contains("signature was removed"), "{error}");
    }

    #[test]
    fn checking_cannot_be_off_on_cloud_run() {
        let vars = Vars::from([
            ("PUSH_AUTH".to_owned(), "off".to_owned()),
            ("K_SERVICE".to_owned(), "clean".to_owned()),
        ]);
        let mut read = Reader::new(&vars);
        let auth = PushAuth::read(&mut read, Some(Clock::system()));
        let error = read.finish(|| auth).unwrap_err();
        assert!(
            error.to_string().contains("refused on Cloud Run"),
            "{error}"
        );
    }
}
