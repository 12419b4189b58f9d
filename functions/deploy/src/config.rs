//! The settings of `deploy`.

use std::time::Duration;

use shared::config::Reader;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Time limit for the first answer of a tuned model, in seconds; `DEPLOY_PROBE_TIMEOUT_S`, 60: an
    /// idle endpoint starts slowly.
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
