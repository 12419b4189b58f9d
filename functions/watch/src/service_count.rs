//! What the service reports of a job beside what was estimated: tokens, price, dropped rows.

use chrono::{DateTime, Utc};
use shared::{
    price::Prices,
    run::{Reported, Run},
};

/// What the service has counted for `run`; `None` while it has not, and where nothing has changed.
pub fn reported(run: &Run, prices: &Prices, now: DateTime<Utc>) -> Option<Reported> {
    let job = run.job.as_ref()?;
    // The service counts one pass, and bills each.
    let one_pass = job.billable_tokens?;
    let training_tokens = one_pass.saturating_mul(run.plan.epochs.into());
    let reported = Reported {
        training_tokens,
        usd: prices.training_usd(&run.plan.base_model, training_tokens),
        dropped_rows: job.dropped_rows.unwrap_or_default(),
        at: run.reported.as_ref().map_or(now, |before| before.at),
    };
    (run.reported.as_ref() != Some(&reported)).then_some(reported)
}

/// How many times as many tokens were counted as estimated; `None` where none were estimated.
pub fn ratio(run: &Run, reported: &Reported) -> Option<f64> {
    let estimated = run.estimate.tokens_high;
    #[expect(
        clippy::cast_precision_loss,
        reason = "tokens stay far below 2^53, where a float is exact"
    )]
    let ratio = || reported.training_tokens as f64 / estimated as f64;
    (estimated > 0).then(ratio)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::price::prices;

    use super::*;
    use crate::fixtures;

    fn run(job: &Value) -> Run {
        fixtures::run(&[&json!({
            "plan": {"base_model": "gemini-3.1-flash-lite", "region": "r", "epochs": 4,
                     "learning_rate_multiplier": 1.0, "adapter_size": 1},
            "estimate": {"tokens_low": 1_000_000, "usd_low": 3.0, "price_as_of": ""},
            "job": job,
        })])
    }

    #[test]
    fn a_run_is_priced_again_when_the_service_has_counted() {
        let now = DateTime::UNIX_EPOCH;
        let waiting = run(&json!({"name": "j", "state": "JOB_STATE_PENDING"}));
        assert_eq!(reported(&waiting, prices(), now), None);
        let mut counted = run(&json!({"name": "j", "state": "JOB_STATE_RUNNING",
            "billable_tokens": 12_500_000, "dropped_rows": 3}));
        let found = reported(&counted, prices(), now).unwrap();
        assert_eq!((found.training_tokens, found.dropped_rows), (50_000_000, 3));
        let usd = found.usd.unwrap();
        assert!((usd - 150.0).abs() < 1e-9, "fifty times the price: {usd}");
        assert_eq!(ratio(&counted, &found), Some(50.0));
        counted.reported = Some(found);
        assert_eq!(reported(&counted, prices(), now), None, "reported once");
    }
}
