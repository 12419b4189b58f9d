//! The settings of `predict`.

use std::time::Duration;

use chrono::TimeDelta;
use shared::{config::Reader, google::vertex::Vertex, policy::Residency};

use crate::{
    allowance::Allowance,
    cache::CacheLimits,
    choose::{FallbackRules, WithoutRoute},
    confidence::ExpectedLength,
};

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Limits of the cache: `PREDICT_CACHE_ENTRIES`, 10000; `PREDICT_CACHE_BYTES`, 64 MiB;
    /// `PREDICT_CACHE_TTL_S`, 3600. With 0 entries the cache is off.
    pub cache: CacheLimits,
    /// When the base model answers in place of the tuned one: `PREDICT_CONFIDENCE_MIN`, 0.5.
    pub rules: FallbackRules,
    /// The share of the tuned model's answers that may be doubted and compared with the base model's;
    /// `PREDICT_FALLBACK_SHARE`, 0.25.
    pub fallback_share: f64,
    /// The model that answers while the route cannot be read, `PREDICT_BASE_MODEL`, and where, which then is
    /// required: `PREDICT_LOCATION`, where every prompt may go by the policy. If not set: 503.
    pub base_model: Option<(String, Residency)>,
    /// What requests may bring in besides their own words; `PREDICT_ALLOW`, nothing.
    pub(crate) allowance: Allowance,
    /// Expected length of answers, in characters: `PREDICT_CHARS_MIN`, 0; `PREDICT_CHARS_MAX`.
    pub expected: ExpectedLength,
    /// Time limit of a model's answer, in seconds; `PREDICT_TIMEOUT_S`, 60.
    pub timeout: Duration,
    /// How long a route is cached, in seconds; `PREDICT_ROUTE_TTL_S`, 5: the delay of a rollback.
    pub route_ttl: Duration,
    /// Largest request, in bytes; `PREDICT_BODY_MAX_BYTES`, 4 MiB.
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
        let fallback_share = read.or("PREDICT_FALLBACK_SHARE", 0.25_f64);
        if fallback_share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            read.fault(
                "PREDICT_FALLBACK_SHARE is not a share: expected a number from 0 to 1".to_owned(),
            );
        }
        let base_model = read.optional::<String>("PREDICT_BASE_MODEL")?;
        let location = read.optional::<Residency>("PREDICT_LOCATION")?;
        if base_model.is_some() && location.is_none() {
            read.fault(
                "PREDICT_LOCATION is not set: expected us, eu or global, where prompts may go while no route \
                 can be read, since PREDICT_BASE_MODEL is set"
                    .to_owned(),
            );
        }
        let base_model = base_model.zip(location);
        let allowed = read.optional::<String>("PREDICT_ALLOW")?;
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
            fallback_share: fallback_share?,
            base_model,
            allowance: Allowance::read(&allowed.unwrap_or_default()),
            expected: ExpectedLength {
                chars_min: chars_min?,
                chars_max: chars_max?,
            },
            timeout: Duration::from_secs(timeout_s?),
            route_ttl: Duration::from_secs(route_ttl_s?),
            body_max_bytes: body_max_bytes?,
        })
    }

    /// The resource name of the model that answers while no route can be read.
    pub(crate) fn without_route(&self, vertex: &Vertex) -> Option<String> {
        let (model, location) = self.base_model.as_ref()?;
        Some(vertex.base_model(model, *location))
    }
}
