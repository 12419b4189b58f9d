//! The settings of `early-stop`: none. Its rules are those of `shared::health`, shared with `watch`, so
//! that an alert and its confirmation cannot disagree.

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
