//! What `predict` can be told from outside.

use std::time::Duration;

use chrono::TimeDelta;
use shared::config::Reader;

use crate::{
    cache::CacheLimits,
    choose::{FallbackRules, WithoutRoute},
    confidence::ExpectedLength,
};

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// How much to remember: `PREDICT_CACHE_ENTRIES`, 10000; `PREDICT_CACHE_BYTES`, 64 MiB;
    /// `PREDICT_CACHE_TTL_S`, 3600. No entries: no cache.
    pub cache: CacheLimits,
    /// When the base model steps in: `PREDICT_CONFIDENCE_MIN`, 0.5.
    pub rules: FallbackRules,
    /// The model that answers while no route can be read; `PREDICT_BASE_MODEL`. Not set: 503.
    pub base_model: Option<String>,
    /// How long answers should be, in characters: `PREDICT_CHARS_MIN`, 0; `PREDICT_CHARS_MAX`.
    pub expected: ExpectedLength,
    /// Longest that a model may take, in seconds; `PREDICT_TIMEOUT_S`, 60.
    pub timeout: Duration,
    /// How long a route is believed, in seconds; `PREDICT_ROUTE_TTL_S`, 5: so late may a
    /// rollback be.
    pub route_ttl: Duration,
    /// Bytes of a request; `PREDICT_BODY_MAX_BYTES`, 4 MiB.
    pub body_max_bytes: usize,
}

impl Config {
    /// Reads the settings; `None` where `read` noted a fault.
    pub fn read(read: &mut Reader<'_>) -> Option<Self> {
        let limits = CacheLimits::default();
        let entries = read.or("PREDICT_CACHE_ENTRIES", limits.entries);
        let size_bytes = read.or("PREDICT_CACHE_BYTES", limits.size_bytes);
        let ttl_s = read.or("PREDICT_CACHE_TTL_S", 3_600_u32);
        let threshold = read.or("PREDICT_CONFIDENCE_MIN", FallbackRules::default().threshold);
        let base_model = read.optional::<String>("PREDICT_BASE_MODEL")?;
        let chars_min = read.or("PREDICT_CHARS_MIN", 0);
        let chars_max = read.optional("PREDICT_CHARS_MAX");
        let timeout_s = read.or("PREDICT_TIMEOUT_S", 60);
        let route_ttl_s = read.or("PREDICT_ROUTE_TTL_S", 5);
        let body_max_bytes = read.or("PREDICT_BODY_MAX_BYTES", 4 << 20);
        Some(Self {
            cache: CacheLimits {
                entries: entries?,
                size_bytes: size_bytes?,
                ttl: TimeDelta::seconds(i64::from(ttl_s?)),
            },
            rules: FallbackRules {
                threshold: threshold?,
                without_route: match base_model {
                    Some(_) => WithoutRoute::Base,
                    None => WithoutRoute::Refuse,
                },
            },
            base_model,
            expected: ExpectedLength {
                chars_min: chars_min?,
                chars_max: chars_max?,
            },
            timeout: Duration::from_secs(timeout_s?),
            route_ttl: Duration::from_secs(route_ttl_s?),
            body_max_bytes: body_max_bytes?,
        })
    }
}
