//! The signature of a webhook, as the Standard Webhooks specification defines it.
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// What the specification starts a secret with.
const PREFIX: &str = "whsec_";
/// Bytes that a secret must have, and may have, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that a sender and a receiver share. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct WebhookSecret(Arc<hmac::Key>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// A secret that cannot be used. The message does not repeat it.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected `{PREFIX}` and the base64 of 24 to 64 random bytes, as `openssl rand -base64 32` prints"
)]
pub struct InvalidSecret;

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        let text = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let key = BASE64_STANDARD
            .decode(text)
            .map_err(|_error| InvalidSecret)?;
        if !BYTES.contains(&key.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key))))
    }
}

impl WebhookSecret {
    /// The value of the header `webhook-signature` for a body sent at `timestamp`, in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_signature_is_reproduced() {
        // The example of the reference libraries.
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_unusable_secret_is_refused_without_repeating_it() {
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_c2hvcnQ=",
            "whsec_?",
        ] {
            let error = text.parse::<WebhookSecret>().unwrap_err().to_string();
            assert!(error.contains("24 to 64 random bytes"), "{error}");
            assert!(!error.contains("c2hvcnQ"), "{error}");
        }
    }
}
