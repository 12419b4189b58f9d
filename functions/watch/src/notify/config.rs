//! The settings of notifications.

use shared::config::Reader;

use super::{
    sender::{Receiver, receiver_url},
    signature::WebhookSecret,
};

/// The settings.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    /// Where notifications go: `NOTIFY_WEBHOOK_URL`, a program that takes signed CloudEvents, with
    /// `NOTIFY_WEBHOOK_SECRET`; `NOTIFY_SLACK_URL`, a Slack incoming webhook. None by default.
    pub receivers: Vec<Receiver>,
    /// The address of the console, for links; `CONSOLE_URL`, none by default.
    pub console: Option<String>,
    /// Whether receivers may have private addresses and plain http; `NOTIFY_PRIVATE`, `refuse` or
    /// `allow`. On Cloud Run only `refuse`.
    pub private_allowed: bool,
}

impl NotifyConfig {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let private = read.or("NOTIFY_PRIVATE", "refuse".to_owned());
        let console = read.optional("CONSOLE_URL");
        let private_allowed = match private.as_deref() {
            Some("allow") if read.is_on_cloud_run() => {
                read.fault("NOTIFY_PRIVATE is `allow`: on Cloud Run only `refuse` is possible");
                None
            }
            Some("allow") => Some(true),
            Some("refuse") => Some(false),
            Some(other) => {
                read.fault(format!(
                    "NOTIFY_PRIVATE is `{other}`: expected `refuse` or `allow`"
                ));
                None
            }
            None => None,
        };
        let url = |text: &str| receiver_url(text, private_allowed.unwrap_or_default());
        let webhook = read.secret("NOTIFY_WEBHOOK_URL", url);
        let secret = read.secret("NOTIFY_WEBHOOK_SECRET", str::parse::<WebhookSecret>);
        let slack = read.secret("NOTIFY_SLACK_URL", url);
        let mut receivers = Vec::new();
        match (webhook?, secret?) {
            (Some(url), Some(secret)) => receivers.push(Receiver::Webhook { url, secret }),
            (None, None) => {}
            (Some(_), None) => {
                read.fault("NOTIFY_WEBHOOK_SECRET is not set, and NOTIFY_WEBHOOK_URL is");
            }
            (None, Some(_)) => {
                read.fault("NOTIFY_WEBHOOK_URL is not set, and NOTIFY_WEBHOOK_SECRET is");
            }
        }
        receivers.extend(slack?.map(|url| Receiver::Slack { url }));
        Some(Self {
            receivers,
            console: console?,
            private_allowed: private_allowed?,
        })
    }
}
