//! What `deploy` can be told from outside.

use std::time::Duration;

use shared::config::Reader;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Longest that a tuned model may take to answer the first prompt, in seconds;
    /// `DEPLOY_PROBE_TIMEOUT_S`, 60: an idle endpoint wakes up slowly.
    pub probe_timeout: Duration,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let probe_timeout_s = read.or("DEPLOY_PROBE_TIMEOUT_S", 60);
        Some(Self {
            probe_timeout: Duration::from_secs(probe_timeout_s?),
        })
    }
}
