//! Sends a notification to one receiver.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Client, Url, header::CONTENT_TYPE, redirect};
use shared::{
    google::StartError,
    outcome::{CallError, ErrorAnswer, Idempotency, RpcCode},
};

use super::{
    address::{self, PublicResolver},
    notice::Notice,
    signature::WebhookSecret,
};

/// Longest that a receiver may take: Pub/Sub waits for us meanwhile, and sends again what fails.
const CALL_MAX: Duration = Duration::from_secs(10);
/// What a CloudEvent names as its source.
const SOURCE: &str = "//lapidary.dev/watch";

/// Where a notification goes, and in which form.
#[derive(Clone)]
pub enum Receiver {
    /// A program: a signed CloudEvent.
    Webhook {
        /// Its address.
        url: Url,
        /// What signs it.
        secret: WebhookSecret,
    },
    /// A chat: a message of a Slack incoming webhook. The address is the only secret.
    Slack {
        /// Its address.
        url: Url,
    },
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Receiver {
    /// Its name in documents and log lines, which never show its address.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
        }
    }

    fn url(&self) -> &Url {
        match self {
            Self::Webhook { url, .. } | Self::Slack { url } => url,
        }
    }
}

/// The address of a receiver: `https`, and public unless `private_allowed`. The message does not repeat
/// the address, which may be a secret.
///
/// # Errors
///
/// Says what was expected.
pub fn receiver_url(text: &str, private_allowed: bool) -> Result<Url, String> {
    let expected = "expected an https:// address without a user name";
    let url: Url = text.parse().map_err(|_error| expected.to_owned())?;
    let scheme = url.scheme() == "https" || (private_allowed && url.scheme() == "http");
    if !scheme || !url.username().is_empty() || url.password().is_some() {
        return Err(expected.to_owned());
    }
    // A name is checked when it is resolved; an address is never resolved.
    let literal = url.host_str().and_then(|host| {
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    });
    match literal {
        Some(ip) if !private_allowed && !address::is_public(ip) => {
            Err("expected a public address, found one of a private network".to_owned())
        }
        Some(_) | None => Ok(url),
    }
}

/// The client that sends: without redirects, which could lead anywhere, and with public addresses only
/// unless `private_allowed`.
///
/// # Errors
///
/// Where TLS cannot be set up.
pub(super) fn client(private_allowed: bool) -> Result<Client, StartError> {
    let client = Client::builder()
        .timeout(CALL_MAX)
        .redirect(redirect::Policy::none())
        // A proxy would resolve names itself.
        .no_proxy();
    let client = if private_allowed {
        client
    } else {
        client.dns_resolver(Arc::new(PublicResolver))
    };
    client
        .build()
        .map_err(|error| StartError::of("the sender of notifications")(error.into()))
}

/// Sends `notice` once; `timestamp` is the time of this attempt in seconds since 1970.
pub(super) async fn send(
    client: &Client,
    receiver: &Receiver,
    notice: &Notice,
    timestamp: i64,
) -> Result<(), CallError> {
    let mut request = client
        .post(receiver.url().clone())
        .header("webhook-id", &notice.id);
    request = match receiver {
        Receiver::Webhook { secret, .. } => {
            let body = notice.cloud_event(SOURCE).to_string();
            request
                .header("webhook-timestamp", timestamp)
                .header(
                    "webhook-signature",
                    secret.sign(&notice.id, timestamp, body.as_bytes()),
                )
                .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
                .body(body)
        }
        Receiver::Slack { .. } => request
            .header(CONTENT_TYPE, "application/json")
            .body(notice.slack_message().to_string()),
    };
    // The same notification twice is harmless: it carries its id.
    let call = Idempotency::Idempotent;
    let answer = request.send().await.map_err(|error| {
        // The address may be a secret.
        let error = error.without_url();
        if error.is_connect() {
            CallError::not_sent(error)
        } else {
            CallError::not_answered(error, call)
        }
    })?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let answer = ErrorAnswer {
        http_status: Some(status.as_u16()),
        code: None::<RpcCode>,
        message: format!("the receiver answered {status}"),
        ..ErrorAnswer::default()
    };
    Err(CallError::of(answer, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, private_allowed: bool, expected: Result<(), &str>) {
        match (receiver_url(text, private_allowed), expected) {
            (Ok(_), Ok(())) => {}
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn only_public_https_addresses_are_taken() {
        check("https://hooks.example.com/services/T/B/x", false, Ok(()));
        check("https://8.8.8.8/x", false, Ok(()));
        for text in [
            "http://example.com/x",
            "ftp://example.com",
            "example.com",
            "https://me:pass@example.com/",
        ] {
            check(text, false, Err("expected an https:// address"));
        }
        for text in [
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://169.254.169.254/computeMetadata/v1/",
            "https://[::1]/x",
            "https://[::ffff:169.254.169.254]/x",
            "https://10.0.0.1:8443/x",
        ] {
            check(text, false, Err("expected a public address"));
        }
        check("http://127.0.0.1:8080/x", true, Ok(()));
    }
}
