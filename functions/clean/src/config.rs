//! What `clean` can be told from outside.

use shared::config::Reader;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where versions go; `DATASETS_BUCKET`.
    pub datasets_bucket: String,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let datasets_bucket = read.required("DATASETS_BUCKET");
        Some(Self {
            datasets_bucket: datasets_bucket?,
        })
    }
}
