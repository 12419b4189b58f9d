//! What one poll of a job means for its run.

use chrono::{DateTime, Utc};
use shared::{
    curve::{Curve, CurveReading, CurveState},
    google::vertex::TuningJob,
    health::{self, HealthFinding, HealthLimits},
    job_state::JobState,
    run::{Job, Run, State},
};

/// The curve that goes with a poll of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct PolledCurve {
    /// The losses: where they could not be read now, as they were read last.
    pub curve: Curve,
    /// Whether they could be read now.
    pub state: CurveState,
    /// Why they could not.
    pub reason: Option<String>,
}

/// The run after a poll of its job and its curve.
///
/// The provider decides how a job ended: one that succeeded although it was asked to stop has
/// succeeded. Losses that could not be read now are not evidence: the run keeps what they showed, and
/// neither stalls nor recovers.
pub fn apply(
    run: &Run,
    job: &TuningJob,
    polled: &PolledCurve,
    limits: HealthLimits,
    now: DateTime<Utc>,
) -> Run {
    let mut run = run.clone();
    let before = run.job.take();
    let job = job.record(before.as_ref(), now);
    if before.as_ref().map(job_words) != Some(job_words(&job)) {
        run.note("watch", job_words(&job), now);
    }
    run.job_missing_ticks = 0;
    record_reading(&mut run, polled, now);
    if polled.state == CurveState::Fresh {
        step(&mut run, &polled.curve, now);
    }
    let observed = run.observed(&job, &polled.curve, polled.state, limits, now);
    let findings = health::examine(&observed);
    record_findings(&mut run, findings, polled.state, now);
    let end = ending(&job);
    run.job = Some(job);
    if let Some((next, reason)) = end {
        finish(&mut run, next, &reason, &polled.curve, now);
    }
    run.updated_at = now;
    run
}

fn record_reading(run: &mut Run, polled: &PolledCurve, now: DateTime<Utc>) {
    let (state, reason) = (polled.state, polled.reason.clone());
    let reading = CurveReading::after(run.curve.as_ref(), state, reason, now);
    let changed = run.curve.as_ref().map(|before| before.state) != Some(state);
    if let (true, Some(reason)) = (changed, &reading.reason) {
        run.note("watch", format!("its losses cannot be read: {reason}"), now);
    }
    run.curve = Some(reading);
}

/// The job's state and sub-state in short, for the history.
fn job_words(job: &Job) -> String {
    match &job.sub_state {
        Some(phase) => format!("job {}: {phase}", job.state),
        None => format!("job {}", job.state),
    }
}

fn step(run: &mut Run, curve: &Curve, now: DateTime<Utc>) {
    let step = curve.last_step();
    if step > run.last_step || run.last_step_at.is_none() {
        run.last_step = step;
        run.last_step_at = Some(now);
    }
}

/// Records what the rules found now. Of losses that could not be read now the findings of before
/// stay, and do not count as seen once more.
fn record_findings(
    run: &mut Run,
    mut findings: Vec<HealthFinding>,
    curve_state: CurveState,
    now: DateTime<Utc>,
) {
    let is_fresh = curve_state == CurveState::Fresh;
    if !is_fresh {
        let kept = run.findings.iter().filter(|it| it.code.is_of_curve());
        findings.extend(kept.cloned());
        findings.sort_by_key(|finding| finding.code);
    }
    let before = std::mem::replace(&mut run.findings, findings);
    for finding in run.findings.clone() {
        if before.iter().all(|it| it.code != finding.code) {
            run.note("watch", finding.words(), now);
        }
    }
    if run.findings.is_empty() && run.finding.is_some() {
        run.note("watch", "nothing is wrong with it any more", now);
    }
    let stopping =
        |findings: &[HealthFinding]| findings.iter().find(|it| it.stops).map(|it| it.code);
    let stops = stopping(&run.findings);
    if stops != stopping(&before) {
        run.finding_polls = 0;
    }
    run.finding = run.findings.first().map(|finding| finding.code);
    if is_fresh && stops.is_some() && run.stop.is_none() {
        run.finding_polls = run.finding_polls.saturating_add(1);
    }
}

/// The state of the run that follows from the end of its job, and the reason in plain words.
fn ending(job: &Job) -> Option<(State, String)> {
    let error = || {
        job.error
            .clone()
            .unwrap_or_else(|| "no reason given".to_owned())
    };
    match &job.state {
        JobState::Succeeded => Some((State::Succeeded, "tuned".to_owned())),
        JobState::PartiallySucceeded => Some((State::Succeeded, "tuned in part".to_owned())),
        JobState::Cancelled => Some((State::Cancelled, "stopped".to_owned())),
        JobState::Failed => Some((State::Failed, failure(job, error()))),
        JobState::Expired => Some((State::Failed, format!("expired: {}", error()))),
        JobState::Queued
        | JobState::Pending
        | JobState::Running
        | JobState::Cancelling
        | JobState::Other(_) => None,
    }
}

/// Why a job failed. A failed job can still own a model: its deployment failed, after all was paid for.
fn failure(job: &Job, error: String) -> String {
    let Some(model) = &job.model else {
        return error;
    };
    format!(
        "{error} It left the model `{model}` in the Model Registry: deploy it there if it is worth it, \
         or delete it"
    )
}

fn finish(run: &mut Run, next: State, reason: &str, curve: &Curve, now: DateTime<Utc>) {
    let checkpoints = run.job.as_ref().map(|job| job.checkpoints.clone());
    let best = curve
        .best_checkpoint(&checkpoints.unwrap_or_default())
        .cloned();
    match (next, &run.stop) {
        // Of a stopped job only a checkpoint that the decision kept is worth an evaluation.
        (State::Cancelled | State::Failed, _) => {}
        (_, Some(_)) if run.chosen.is_some() => {}
        _ => run.chosen = best.or_else(|| final_checkpoint(run.job.as_ref())),
    }
    let _entered = run.enter(next, "watch", reason, now);
}

/// The final model, for a job without intermediate checkpoints.
fn final_checkpoint(job: Option<&Job>) -> Option<shared::checkpoint::Checkpoint> {
    let job = job?;
    Some(shared::checkpoint::Checkpoint {
        id: "default".to_owned(),
        epoch: job.completed_epochs.map(u64::from).unwrap_or_default(),
        step: 0,
        endpoint: Some(job.endpoint.clone()?),
    })
}

#[cfg(test)]
mod tests;
