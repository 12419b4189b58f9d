//! What `early-stop` can be told from outside: nothing of its own. Its thresholds are the
//! curve's, shared with `watch`, so that an alert and its confirmation cannot disagree.

use shared::config::Reader;

/// No settings.
#[derive(Debug, Clone, Copy)]
pub struct Config;

impl Config {
    /// Reads nothing.
    pub fn read(_read: &mut Reader<'_>) -> Option<Self> {
        Some(Self)
    }
}
