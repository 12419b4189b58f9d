//! Tokens of callers, and the claims that they must have.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

/// What Cloud Run's front end puts in place of a signature that it has checked.
const SIGNATURE_REMOVED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";
/// Bytes of a header with a token.
const HEADER_MAX_BYTES: usize = 8 << 10;
/// Bytes of a key's name.
const KEY_NAME_MAX_BYTES: usize = 128;
/// Seconds that two clocks may differ.
const LEEWAY_S: i64 = 60;
/// Longest life of a token in seconds: an hour and the leeway.
const LIFE_MAX_S: i64 = 3_700;

/// A token as it was received.
#[derive(Debug)]
pub(super) struct Proof<'h> {
    token: &'h str,
    signed: &'h str,
    signature: &'h str,
}

/// The claims of a token.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
}

/// The claims that a token must have.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) issuers: &'static [&'static str],
    pub(super) algorithm: Algorithm,
    /// The audience; `None` where the front end has checked that.
    pub(super) audience: Option<String>,
    /// The only account that may call.
    pub(super) email: Option<String>,
    /// Whether it must have an e-mail address.
    pub(super) named: bool,
}

impl<'h> Proof<'h> {
    /// The only token in `Authorization`.
    pub(super) fn of_bearer(headers: &'h HeaderMap) -> Result<Self, &'static str> {
        let text = only(
            headers,
            AUTHORIZATION.as_str(),
            "no Authorization header",
            "two Authorization headers",
        )?;
        let token = text.strip_prefix("Bearer ");
        Self::of(token.ok_or("the Authorization header holds no bearer token")?)
    }

    /// The only assertion in the header `name`.
    pub(super) fn of_assertion(headers: &'h HeaderMap, name: &str) -> Result<Self, &'static str> {
        let none = "no assertion of Identity-Aware Proxy";
        let two = "two assertions of Identity-Aware Proxy";
        Self::of(only(headers, name, none, two)?)
    }

    fn of(token: &'h str) -> Result<Self, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("the token has no signature")?;
        Ok(Self {
            token,
            signed,
            signature,
        })
    }

    /// Whether the signature is still there.
    pub(super) fn is_signed(&self) -> bool {
        self.signature != SIGNATURE_REMOVED
    }

    /// The name of the key that signed it.
    pub(super) fn key(&self, expected: &Expected) -> Result<String, &'static str> {
        let header = jsonwebtoken::decode_header(self.token)
            .map_err(|_error| "the token's header does not parse")?;
        if header.alg != expected.algorithm {
            return Err("not signed with the issuer's algorithm");
        }
        header
            .kid
            .filter(|name| name.len() <= KEY_NAME_MAX_BYTES)
            .ok_or("the token names no key, or one with too long a name")
    }

    /// Its claims, if `key` signed it.
    pub(super) fn verified(
        &self,
        key: &DecodingKey,
        expected: &Expected,
    ) -> Result<Claims, &'static str> {
        let mut validation = Validation::new(expected.algorithm);
        // The claims are checked by `Expected::check`, on our clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(self.token, key, &validation)
            .map(|data| data.claims)
            .map_err(|_error| "the signature is false, or the claims do not parse")
    }

    /// Its claims; the signature was checked elsewhere.
    pub(super) fn unsigned(&self) -> Result<Claims, &'static str> {
        let claims = || {
            let (_, claims) = self.signed.split_once('.')?;
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
        };
        claims().ok_or("the claims do not parse")
    }
}

fn only<'h>(
    headers: &'h HeaderMap,
    name: &str,
    none: &'static str,
    two: &'static str,
) -> Result<&'h str, &'static str> {
    let mut all = headers.get_all(name);
    let header = all.next().ok_or(none)?;
    if all.next().is_some() {
        return Err(two);
    }
    if header.len() > HEADER_MAX_BYTES {
        return Err("the header with the token is too long");
    }
    header
        .to_str()
        .map_err(|_error| "the header with the token is not text")
}

impl Expected {
    /// Whether `claims` are what was expected, at this time.
    pub(super) fn check(&self, claims: &Claims, now: i64) -> Result<(), &'static str> {
        let ensure = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        ensure(
            self.issuers.contains(&claims.iss.as_str()),
            "the token has another issuer",
        )?;
        let audience = self.audience.as_ref();
        ensure(
            audience.is_none_or(|audience| claims.aud == *audience),
            "the token has another audience",
        )?;
        ensure(now <= claims.exp + LEEWAY_S, "the token is expired")?;
        ensure(claims.iat <= now + LEEWAY_S, "the token is from the future")?;
        let life = claims.exp.saturating_sub(claims.iat);
        ensure(life <= LIFE_MAX_S, "the token lives too long")?;
        if let Some(email) = &self.email {
            ensure(
                claims.email_verified == Some(true),
                "the e-mail address is not verified",
            )?;
            ensure(
                claims.email.as_ref() == Some(email),
                "the token is of another service account",
            )?;
        }
        let named = claims.email.as_ref().is_some_and(|email| !email.is_empty());
        ensure(named || !self.named, "the token has no e-mail address")
    }
}
