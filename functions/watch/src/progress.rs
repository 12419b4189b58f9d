//! The lines about a run that metrics and alerts are made from: `run_progress` and `run_finding`.
//!
//! Numbers are fields. JSON has no NaN, and what is not known is not zero: such a field is absent.

use chrono::{DateTime, Utc};
use shared::{
    curve::{Curve, Point},
    health::{EvidenceName, HealthFinding},
    run::Run,
};
use tracing::{info, warn};

/// The newest value of a series.
fn last(points: &[Point]) -> Option<f64> {
    points.last().and_then(|point| point.loss)
}

/// Since when the job has been as it is, in seconds.
fn elapsed_s(run: &Run, now: DateTime<Utc>) -> Option<i64> {
    let job = run.job.as_ref()?;
    let since = job.started_at.or(job.state_since)?;
    Some((now - since).num_seconds())
}

/// Reports how far a run is.
pub(crate) fn log_progress(run: &Run, curve: &Curve, now: DateTime<Utc>) {
    let step = curve.last_step();
    info!(
        event.name = "run_progress",
        run.id = %run.id,
        step,
        steps_total = run.job.as_ref().and_then(|job| job.steps_total),
        elapsed_s = elapsed_s(run, now),
        loss.train = last(&curve.train),
        loss.eval = last(&curve.eval),
        "run {} is at step {}",
        run.id,
        step.unwrap_or_default()
    );
}

/// Reports everything that is wrong with a run, until it is decided to stop it.
pub(crate) fn log_findings(run: &Run, curve: Option<&Curve>) {
    if run.state.is_live() && run.stop.is_none() {
        for finding in &run.findings {
            log_finding(run, finding, curve);
        }
    }
}

fn log_finding(run: &Run, finding: &HealthFinding, curve: Option<&Curve>) {
    let number = |name| finding.number(name);
    warn!(
        event.name = "run_finding",
        run.id = %run.id,
        finding = finding.code.as_str(),
        stops = finding.stops,
        since_step = finding.since,
        step = curve.and_then(Curve::last_step),
        steps_total = run.job.as_ref().and_then(|job| job.steps_total),
        loss.train = curve.and_then(|curve| last(&curve.train)),
        loss.eval = curve.and_then(|curve| last(&curve.eval)),
        loss.best = number(EvidenceName::LossBest),
        loss.now = number(EvidenceName::LossNow),
        loss.error = number(EvidenceName::Error),
        elapsed_s = number(EvidenceName::ElapsedS),
        typical_s = number(EvidenceName::TypicalS),
        spent_usd = number(EvidenceName::SpentUsd),
        limit_usd = number(EvidenceName::LimitUsd),
        "run {} shows {}",
        run.id,
        finding.words()
    );
}
