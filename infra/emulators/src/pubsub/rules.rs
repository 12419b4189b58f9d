//! A subscription's configuration, validated and with the service's defaults.

use std::time::Duration;

use chrono::TimeDelta;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use tonic::Status;

use super::{filter::AttributeFilter, name};

/// Bounds of an ack deadline in seconds; 10 is also the default.
pub(super) const DEADLINE_MIN_S: i32 = 10;
pub(super) const DEADLINE_MAX_S: i32 = 600;
/// Maximum of back-off in seconds; also the default of the upper bound.
const BACKOFF_MAX_S: i64 = 600;
/// Default of the lower bound of a retry policy, in seconds.
const BACKOFF_MIN_DEFAULT_S: i64 = 10;
/// Back-off of pushes without a retry policy:
/// <https://cloud.google.com/pubsub/docs/push#push_backoff>.
const PUSH_BACKOFF: Backoff = Backoff {
    min: TimeDelta::milliseconds(100),
    max: TimeDelta::seconds(60),
};
/// Attempts before a message goes to the dead-letter topic: the service's bounds and default.
const ATTEMPTS_MIN: i32 = 5;
const ATTEMPTS_MAX: i32 = 100;
/// Retention in seconds: the service's bounds and default (seven days).
const RETENTION_MIN_S: i64 = 10 * 60;
const RETENTION_MAX_S: i64 = 31 * 24 * 3600;
const RETENTION_DEFAULT_S: i64 = 7 * 24 * 3600;
/// Default of the expiration in seconds (31 days): echoed, without effect.
const EXPIRATION_DEFAULT_S: i64 = 31 * 24 * 3600;

/// How one subscription delivers.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// How long a delivery may stay unacknowledged; also the time-out of a push. Wall-clock time.
    pub(super) deadline: Duration,
    /// Whether ordering keys count.
    pub(super) ordered: bool,
    /// The back-off of a refused message. Simulated time.
    pub(super) backoff: Backoff,
    /// Where messages go that fail too often.
    pub(super) dead_letter: Option<DeadLetter>,
    /// How long messages are kept. Simulated time.
    pub(super) retention: TimeDelta,
    /// Whether acknowledged messages are kept equally long, for a seek.
    pub(super) retain_acked: bool,
    /// Which messages the subscription receives.
    pub(super) filter: AttributeFilter,
}

/// The wait between attempts: doubles from `min` up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    /// The wait after the first failure.
    pub(super) min: TimeDelta,
    /// The longest wait.
    pub(super) max: TimeDelta,
}

/// A dead-letter policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetter {
    /// The full name of the topic.
    pub(super) topic: String,
    /// The number of attempts after which a message goes there.
    pub(super) attempts_max: i32,
}

impl Backoff {
    /// Immediate redelivery: pull without a retry policy.
    pub(super) const NONE: Self = Self {
        min: TimeDelta::zero(),
        max: TimeDelta::zero(),
    };

    /// The wait after the failure of attempt number `attempts`, counted from 1.
    pub(super) fn rest(&self, attempts: i32) -> TimeDelta {
        // 2^16 × 1 ms already exceeds the largest maximum.
        let doublings = attempts.saturating_sub(1).clamp(0, 20);
        self.min
            .checked_mul(1 << doublings)
            .map_or(self.max, |rest| rest.min(self.max))
    }
}

impl Rules {
    /// Validates `config`, fills in the service's defaults, and parses it.
    pub(super) fn validate(config: &mut proto::Subscription) -> Result<Self, Status> {
        name::check(&config.name, "subscriptions")?;
        refuse_unserved(config)?;
        config.ack_deadline_seconds = match config.ack_deadline_seconds {
            0 => DEADLINE_MIN_S,
            seconds => deadline_s(seconds)?,
        };
        let retention = config
            .message_retention_duration
            .get_or_insert(seconds(RETENTION_DEFAULT_S));
        let retention = within(
            retention,
            RETENTION_MIN_S,
            RETENTION_MAX_S,
            "message_retention_duration",
        )?;
        config
            .expiration_policy
            .get_or_insert(proto::ExpirationPolicy {
                ttl: Some(seconds(EXPIRATION_DEFAULT_S)),
            });
        let push = config.push_config.get_or_insert_default();
        check_push(push)?;
        let backoff = match &mut config.retry_policy {
            Some(policy) => retry(policy)?,
            None if push.push_endpoint.is_empty() => Backoff::NONE,
            None => PUSH_BACKOFF,
        };
        let dead_letter = config
            .dead_letter_policy
            .as_mut()
            .map(dead_letter)
            .transpose()?;
        let filter = AttributeFilter::parse(&config.filter)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        config.state = proto::subscription::State::Active.into();
        Ok(Self {
            deadline: Duration::from_secs(u64::from(config.ack_deadline_seconds.unsigned_abs())),
            ordered: config.enable_message_ordering,
            backoff,
            dead_letter,
            retention,
            retain_acked: config.retain_acked_messages,
            filter,
        })
    }
}

/// Refuses an ack deadline outside the service's bounds.
pub(super) fn deadline_s(seconds: i32) -> Result<i32, Status> {
    if (DEADLINE_MIN_S..=DEADLINE_MAX_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Status::invalid_argument(format!(
        "ack_deadline_seconds must be between {DEADLINE_MIN_S} and {DEADLINE_MAX_S}"
    )))
}

/// Refuses by name what the service has and the emulator does not, so that no test relies on it.
fn refuse_unserved(config: &proto::Subscription) -> Result<(), Status> {
    let unserved = [
        ("bigquery_config", config.bigquery_config.is_some()),
        (
            "cloud_storage_config",
            config.cloud_storage_config.is_some(),
        ),
        ("bigtable_config", config.bigtable_config.is_some()),
        ("message_transforms", !config.message_transforms.is_empty()),
        (
            "enable_exactly_once_delivery",
            config.enable_exactly_once_delivery,
        ),
    ];
    refuse(&unserved)
}

/// Refuses the first field that is set.
pub(super) fn refuse(fields: &[(&str, bool)]) -> Result<(), Status> {
    match fields.iter().find(|(_, set)| *set) {
        None => Ok(()),
        Some((field, _)) => Err(Status::unimplemented(format!(
            "the emulator does not serve the field `{field}`"
        ))),
    }
}

/// Refuses a push endpoint that is not a URL.
pub(super) fn check_push(push: &proto::PushConfig) -> Result<(), Status> {
    let url = &push.push_endpoint;
    // Google Cloud accepts https only; on one machine endpoints use plain http.
    let good = url.is_empty()
        || reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if good {
        return Ok(());
    }
    Err(Status::invalid_argument(format!(
        "Invalid push endpoint given (endpoint={url})."
    )))
}

fn retry(policy: &mut proto::RetryPolicy) -> Result<Backoff, Status> {
    let min = policy
        .minimum_backoff
        .get_or_insert(seconds(BACKOFF_MIN_DEFAULT_S));
    let min = within(min, 0, BACKOFF_MAX_S, "minimum_backoff")?;
    let max = policy.maximum_backoff.get_or_insert(seconds(BACKOFF_MAX_S));
    let max = within(max, 0, BACKOFF_MAX_S, "maximum_backoff")?;
    if min > max {
        let message = "minimum_backoff must not be above maximum_backoff";
        return Err(Status::invalid_argument(message));
    }
    Ok(Backoff { min, max })
}

fn dead_letter(policy: &mut proto::DeadLetterPolicy) -> Result<DeadLetter, Status> {
    name::check(&policy.dead_letter_topic, "topics")?;
    if policy.max_delivery_attempts == 0 {
        policy.max_delivery_attempts = ATTEMPTS_MIN;
    }
    if !(ATTEMPTS_MIN..=ATTEMPTS_MAX).contains(&policy.max_delivery_attempts) {
        return Err(Status::invalid_argument(format!(
            "max_delivery_attempts must be between {ATTEMPTS_MIN} and {ATTEMPTS_MAX}"
        )));
    }
    Ok(DeadLetter {
        topic: policy.dead_letter_topic.clone(),
        attempts_max: policy.max_delivery_attempts,
    })
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// Validates a duration of `min` to `max` seconds.
pub(super) fn within(
    found: &prost_types::Duration,
    min: i64,
    max: i64,
    field: &str,
) -> Result<TimeDelta, Status> {
    let nanos = u32::try_from(found.nanos).ok();
    nanos
        .and_then(|nanos| TimeDelta::new(found.seconds, nanos))
        .filter(|found| (TimeDelta::seconds(min)..=TimeDelta::seconds(max)).contains(found))
        .ok_or_else(|| {
            Status::invalid_argument(format!("{field} must be between {min} and {max} seconds"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rest(min_ms: i64, max_ms: i64, rests_ms: &[i64]) {
        let backoff = Backoff {
            min: TimeDelta::milliseconds(min_ms),
            max: TimeDelta::milliseconds(max_ms),
        };
        let found: Vec<i64> = (1..)
            .take(rests_ms.len())
            .map(|attempts| backoff.rest(attempts).num_milliseconds())
            .collect();
        assert_eq!(found, rests_ms);
    }

    #[test]
    fn waits_double_up_to_the_maximum() {
        check_rest(1000, 10_000, &[1000, 2000, 4000, 8000, 10_000, 10_000]);
        check_rest(100, 60_000, &[100, 200, 400, 800, 1600]);
        check_rest(0, 0, &[0, 0, 0]);
        check_rest(600_000, 600_000, &[600_000, 600_000]);
    }

    fn named() -> proto::Subscription {
        proto::Subscription {
            name: "projects/demo/subscriptions/sub".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn an_empty_configuration_gets_the_services_defaults() {
        let mut config = named();
        let rules = Rules::validate(&mut config).unwrap();
        assert_eq!(rules.deadline, Duration::from_secs(10));
        assert_eq!(rules.backoff, Backoff::NONE);
        assert_eq!(rules.retention, TimeDelta::days(7));
        assert_eq!(config.ack_deadline_seconds, 10);
        assert_eq!(config.state, 1, "active");
        config.push_config.as_mut().unwrap().push_endpoint = "http://127.0.0.1:1/".to_owned();
        assert_eq!(Rules::validate(&mut config).unwrap().backoff, PUSH_BACKOFF);
    }

    #[track_caller]
    fn refused(code: tonic::Code, change: impl FnOnce(&mut proto::Subscription)) {
        let mut config = named();
        change(&mut config);
        assert_eq!(Rules::validate(&mut config).unwrap_err().code(), code);
    }

    #[test]
    fn what_the_service_refuses_is_refused() {
        use tonic::Code::{InvalidArgument, Unimplemented};
        refused(InvalidArgument, |c| c.name = "sub".to_owned());
        refused(InvalidArgument, |c| c.ack_deadline_seconds = 9);
        refused(InvalidArgument, |c| c.ack_deadline_seconds = 601);
        refused(InvalidArgument, |c| c.filter = "bogus".to_owned());
        refused(InvalidArgument, |c| {
            c.message_retention_duration = Some(seconds(599));
        });
        refused(InvalidArgument, |c| {
            c.push_config.get_or_insert_default().push_endpoint = "ftp://x".to_owned();
        });
        refused(InvalidArgument, |c| {
            c.retry_policy = Some(proto::RetryPolicy {
                minimum_backoff: Some(seconds(20)),
                maximum_backoff: Some(seconds(10)),
            });
        });
        refused(InvalidArgument, |c| {
            c.dead_letter_policy = Some(proto::DeadLetterPolicy {
                dead_letter_topic: "projects/demo/topics/dead".to_owned(),
                max_delivery_attempts: 4,
            });
        });
        refused(Unimplemented, |c| c.enable_exactly_once_delivery = true);
    }
}
