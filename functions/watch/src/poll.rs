//! What one poll of a job means for its run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    curve::{Curve, CurveFault},
    google::vertex::TuningJob,
    job_state::{JobPhase, JobState},
    run::{Job, Run, State},
};

/// The curve that goes with a poll of a job.
#[derive(Debug, Clone, Copy)]
pub enum PolledCurve<'a> {
    /// As it is now.
    Current(&'a Curve),
    /// As it was when it could last be read: not evidence of how the job does now.
    Stale(&'a Curve),
}

/// The run after a poll of its job and its curve.
///
/// The provider decides how a job ended: one that succeeded although it was asked to stop has
/// succeeded. A stale curve is not evidence: the run keeps its finding, and neither stalls nor
/// recovers.
pub fn apply(
    run: &Run,
    job: &TuningJob,
    polled: PolledCurve<'_>,
    stall: Duration,
    now: DateTime<Utc>,
) -> Run {
    let mut run = run.clone();
    let before = run.job.take();
    let job = job.record(before.as_ref(), now);
    if before.as_ref().map(job_words) != Some(job_words(&job)) {
        run.note("watch", job_words(&job), now);
    }
    run.job_missing_ticks = 0;
    let curve = match polled {
        PolledCurve::Current(curve) => {
            step(&mut run, curve, now);
            let finding = curve
                .finding()
                .or_else(|| stalled(&run, &job, stall, now).then_some(CurveFault::Stalled));
            record_finding(&mut run, finding, now);
            curve
        }
        PolledCurve::Stale(curve) => curve,
    };
    let end = ending(&job);
    run.job = Some(job);
    if let Some((next, reason)) = end {
        finish(&mut run, next, &reason, curve, now);
    }
    run.updated_at = now;
    run
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

/// Whether the job claims to tune but has made no step for `stall`.
///
/// Time in a queue does not count: the clock starts at the last step or the last change of state.
fn stalled(run: &Run, job: &Job, stall: Duration, now: DateTime<Utc>) -> bool {
    let tunes =
        job.state == JobState::Running && matches!(job.sub_state, None | Some(JobPhase::Tuning));
    let since = run.last_step_at.max(job.state_since);
    let stall = TimeDelta::from_std(stall).unwrap_or(TimeDelta::MAX);
    tunes && since.is_some_and(|since| now - since > stall)
}

fn record_finding(run: &mut Run, finding: Option<CurveFault>, now: DateTime<Utc>) {
    if finding != run.finding {
        let note = match finding {
            Some(finding) => format!("{}: {}", finding.as_str(), finding.advice()),
            None => "its curve is healthy again".to_owned(),
        };
        run.note("watch", note, now);
        run.finding = finding;
        run.finding_polls = 0;
    }
    if finding.is_some() && run.stop.is_none() {
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
mod tests {
    use serde_json::{Value, json};
    use shared::curve::Point;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn run(extra: &Value) -> Run {
        let mut run = json!({
            "id": "a-b-c", "dataset": "a", "version": "a-b", "model": "a",
            "plan": {"base_model": "m", "region": "r", "epochs": 1,
                     "learning_rate_multiplier": 1.0, "adapter_size": 1},
            "estimate": {"training_tokens": 1, "usd": 1.0, "price_as_of": ""},
            "budget_usd": 1.0, "state": "running", "reason": "",
            "created_at": at(0), "updated_at": at(0),
        });
        run.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        serde_json::from_value(run).unwrap()
    }

    fn job(state: &str, sub_state: &str) -> TuningJob {
        serde_json::from_value(json!({
            "name": "projects/p/locations/l/tuningJobs/1",
            "state": format!("JOB_STATE_{state}"), "tuningJobState": sub_state,
            "tunedModel": {"model": "m", "endpoint": "e3", "checkpoints": [
                {"checkpointId": "1", "epoch": "1", "step": "10", "endpoint": "e1"},
                {"checkpointId": "2", "epoch": "2", "step": "20", "endpoint": "e2"},
            ]},
        }))
        .unwrap()
    }

    fn curve(eval: &[f64]) -> Curve {
        let points = |losses: &[f64]| {
            losses
                .iter()
                .zip(1..)
                .map(|(loss, index)| Point {
                    step: index * 10,
                    loss: Some(*loss),
                })
                .collect()
        };
        Curve {
            eval: points(eval),
            train: points(&[1.0, 0.9]),
            ..Curve::new("a-b-c".parse().unwrap())
        }
    }

    const STALL: Duration = Duration::from_hours(1);

    #[test]
    fn a_finished_run_serves_its_best_checkpoint() {
        let after = apply(
            &run(&json!({})),
            &job("SUCCEEDED", ""),
            PolledCurve::Current(&curve(&[0.4, 0.6])),
            STALL,
            at(9),
        );
        assert_eq!(after.state, State::Succeeded);
        assert_eq!(after.chosen.unwrap().id, "1");
        assert_eq!(after.finished_at, Some(at(9)));
    }

    #[test]
    fn a_job_that_succeeds_although_it_was_asked_to_stop_has_succeeded() {
        let stop = json!({"state": "stopping",
            "stop": {"finding": "overfit", "called_by": "x", "at": at(1)}});
        let after = apply(
            &run(&stop),
            &job("SUCCEEDED", ""),
            PolledCurve::Current(&curve(&[0.4])),
            STALL,
            at(9),
        );
        assert_eq!(after.state, State::Succeeded);
    }

    #[test]
    fn a_stopped_run_keeps_only_what_the_decision_kept() {
        let stopped = json!({"state": "stopping"});
        let after = apply(
            &run(&stopped),
            &job("CANCELLED", ""),
            PolledCurve::Current(&curve(&[0.4])),
            STALL,
            at(9),
        );
        assert_eq!((after.state, after.chosen), (State::Cancelled, None));
    }

    #[test]
    fn a_job_that_tunes_without_new_steps_has_stalled() {
        let seen = json!({"last_step": 20, "last_step_at": at(0),
            "job": {"name": "n", "state": "JOB_STATE_RUNNING", "sub_state": "TUNING", "state_since": at(0)}});
        let finding = |sub_state, minutes| {
            let after = apply(
                &run(&seen),
                &job("RUNNING", sub_state),
                PolledCurve::Current(&curve(&[])),
                STALL,
                at(minutes),
            );
            after.finding
        };
        assert_eq!(finding("TUNING", 59), None);
        assert_eq!(finding("TUNING", 61), Some(CurveFault::Stalled));
        assert_eq!(finding("WAITING_FOR_QUOTA", 61), None);
    }

    #[test]
    fn a_stale_curve_is_not_evidence() {
        let seen = json!({"last_step": 20, "last_step_at": at(0), "finding": "overfit",
            "finding_polls": 3, "job_missing_ticks": 2,
            "job": {"name": "n", "state": "JOB_STATE_RUNNING", "sub_state": "TUNING", "state_since": at(0)}});
        let before = curve(&[0.4, 0.6]);
        let after = |state| {
            apply(
                &run(&seen),
                &job(state, "TUNING"),
                PolledCurve::Stale(&before),
                STALL,
                at(90),
            )
        };
        let running = after("RUNNING");
        let finding = (running.finding, running.finding_polls, running.last_step);
        assert_eq!(finding, (Some(CurveFault::Overfit), 3, Some(20)));
        assert_eq!(running.job_missing_ticks, 0, "the job is there");
        let ended = after("SUCCEEDED");
        assert_eq!(ended.state, State::Succeeded);
        assert_eq!(ended.chosen.unwrap().id, "1", "the best of what was seen");
    }

    #[test]
    fn a_failed_job_that_owns_a_model_is_reported_with_it() {
        let failed: TuningJob = serde_json::from_value(json!({
            "name": "projects/p/locations/l/tuningJobs/1", "state": "JOB_STATE_FAILED",
            "error": {"code": 13, "message": "Failed to create endpoint."},
            "tunedModel": {"model": "projects/1/locations/us/models/3@1"},
        }))
        .unwrap();
        let before = curve(&[]);
        let after = apply(
            &run(&json!({})),
            &failed,
            PolledCurve::Current(&before),
            STALL,
            at(9),
        );
        assert_eq!(after.state, State::Failed);
        let model = "projects/1/locations/us/models/3@1";
        assert!(
            after
                .reason
                .starts_with("Failed to create endpoint. It left"),
            "{}",
            after.reason
        );
        assert!(after.reason.contains(model), "{}", after.reason);
        assert_eq!(after.made_model(), Some(model));
        assert!(
            !after.clone().retry("ada", "again", at(10)),
            "it is paid for"
        );
    }

    #[test]
    fn an_unknown_state_is_recorded_and_does_not_end_the_run() {
        let after = apply(
            &run(&json!({})),
            &job("PAUSED", ""),
            PolledCurve::Current(&curve(&[])),
            STALL,
            at(9),
        );
        assert_eq!(after.state, State::Running);
        assert_eq!(after.job.unwrap().state.to_string(), "PAUSED");
    }
}
