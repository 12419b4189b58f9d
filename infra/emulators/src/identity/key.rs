//! The RSA key that signs ID tokens as Google does, and its public half.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;

/// Lifetime of a token in seconds, the same as Google's.
pub(super) const TOKEN_LIFE_S: i64 = 3600;

/// Why the key cannot be created.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum KeyError {
    /// Key generation failed.
    #[error("no RSA key was generated")]
    Generate(#[source] aws_lc_rs::error::Unspecified),
    /// The generated key was rejected.
    #[error("the generated key cannot sign tokens")]
    Use(#[source] jsonwebtoken::errors::Error),
}

/// A private key, and the key set with its public half.
pub(super) struct SigningKey {
    id: String,
    signing: EncodingKey,
    jwks: JwkSet,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key of this process. Generating one takes a quarter of a second, so all emulators share it.
    pub(super) fn of_process() -> Result<&'static Self, KeyError> {
        static KEY: OnceLock<Result<SigningKey, KeyError>> = OnceLock::new();
        KEY.get_or_init(Self::generate)
            .as_ref()
            .map_err(Clone::clone)
    }

    fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(KeyError::Generate)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(KeyError::Generate)?;
        // As DER, jsonwebtoken accepts PKCS#1 only; as PEM, PKCS#8 as well.
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(KeyError::Use)?;
        let mut public =
            Jwk::from_encoding_key(&signing, Algorithm::RS256).map_err(KeyError::Use)?;
        let id = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(KeyError::Use)?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            id,
            signing,
            jwks: JwkSet { keys: vec![public] },
        })
    }

    /// The public keys, in the form of `/certs`.
    pub(super) fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// A token with the claims of Pub/Sub's pushes and of the metadata server:
    /// <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>.
    pub(super) fn sign(
        &self,
        email: &str,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let subject = subject(email);
        let claims = Claims {
            iss: "https://accounts.google.com",
            aud: audience,
            azp: &subject,
            sub: &subject,
            email,
            email_verified: true,
            iat: now.timestamp(),
            exp: now.timestamp() + TOKEN_LIFE_S,
        };
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }
}

#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'a str,
    azp: &'a str,
    sub: &'a str,
    email: &'a str,
    email_verified: bool,
    iat: i64,
    exp: i64,
}

/// An account's unique id: 21 digits, always the same for the same email.
fn subject(email: &str) -> String {
    format!("1{:020}", crc32c::crc32c(email.as_bytes()))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    fn decode(token: &str, audience: &str) -> jsonwebtoken::errors::Result<Value> {
        let text = serde_json::to_string(SigningKey::of_process().unwrap().jwks()).unwrap();
        let set: JwkSet = serde_json::from_str(&text).unwrap();
        let kid = jsonwebtoken::decode_header(token)?.kid.unwrap();
        let key = DecodingKey::from_jwk(set.find(&kid).unwrap())?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&["https://accounts.google.com"]);
        Ok(jsonwebtoken::decode::<Value>(token, &key, &validation)?.claims)
    }

    #[test]
    fn a_token_is_verified_with_the_published_key() {
        let key = SigningKey::of_process().unwrap();
        let now = crate::clock::Clock::starting_now(1.0).now();
        let token = key.sign("push@p.iam", "https://tune", now).unwrap();
        let claims = decode(&token, "https://tune").unwrap();
        assert_eq!(claims["email"], "push@p.iam");
        assert_eq!(claims["email_verified"], true);
        assert_eq!(claims["exp"], now.timestamp() + 3600);
        assert_eq!(claims["sub"].as_str().unwrap().len(), 21);
        assert!(decode(&token, "https://other").is_err(), "another audience");
    }

    #[test]
    fn an_old_token_is_refused() {
        let then = crate::clock::Clock::starting_now(1.0).now() - chrono::TimeDelta::hours(2);
        let token = SigningKey::of_process()
            .unwrap()
            .sign("a@b", "x", then)
            .unwrap();
        assert!(decode(&token, "x").is_err());
    }
}
