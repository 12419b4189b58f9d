//! What one poll of a job means for its run, by cases.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared::{curve::Point, health::HealthCode};

use super::*;
use crate::fixtures::{self, at};

/// A run of a hundred tokens, with a budget of twice its price.
fn run(extra: &Value) -> Run {
    let estimate = json!({"tokens_low": 100, "usd_low": 1.0, "price_as_of": ""});
    let priced = json!({"estimate": estimate, "budget_usd": 2.0});
    fixtures::run(&[&priced, extra])
}

fn job_with(extra: &Value) -> TuningJob {
    let mut job = json!({
        "name": "projects/p/locations/l/tuningJobs/1",
        "tunedModel": {"model": "m", "endpoint": "e3", "checkpoints": [
            {"checkpointId": "1", "epoch": "1", "step": "10", "endpoint": "e1"},
            {"checkpointId": "2", "epoch": "2", "step": "20", "endpoint": "e2"},
        ]},
    });
    job.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    serde_json::from_value(job).unwrap()
}

fn job(state: &str, sub_state: &str) -> TuningJob {
    job_with(&json!({"state": format!("JOB_STATE_{state}"), "tuningJobState": sub_state}))
}

fn curve(train: &[f64], eval: &[f64]) -> Curve {
    let points = |losses: &[f64]| {
        let steps = losses.iter().zip(1..);
        let point = |(loss, index): (&f64, u64)| Point::new(index * 10, *loss);
        steps.map(point).collect()
    };
    Curve {
        train: points(train),
        eval: points(eval),
        ..Curve::new("a-b-c".parse().unwrap())
    }
}

fn fresh(curve: Curve) -> PolledCurve {
    PolledCurve {
        curve,
        state: CurveState::Fresh,
        reason: None,
    }
}

fn unread(curve: Curve, reason: &str) -> PolledCurve {
    PolledCurve {
        curve,
        state: CurveState::Unread,
        reason: Some(reason.to_owned()),
    }
}

fn none() -> PolledCurve {
    PolledCurve {
        curve: curve(&[], &[]),
        state: CurveState::None,
        reason: None,
    }
}

const LIMITS: HealthLimits = HealthLimits {
    stall: TimeDelta::hours(1),
    no_metrics: TimeDelta::minutes(30),
    over_time: TimeDelta::hours(24),
};

fn apply_at(run: &Run, job: &TuningJob, polled: &PolledCurve, minutes: i64) -> Run {
    apply(run, job, polled, LIMITS, at(minutes))
}

/// The codes of the findings, and whether any of them stops the job.
fn codes(run: &Run) -> (Vec<HealthCode>, bool) {
    let codes = run.findings.iter().map(|finding| finding.code).collect();
    (codes, run.findings.iter().any(|finding| finding.stops))
}

/// A run whose job tunes since minute 0.
fn tuning(extra: &Value) -> Run {
    let mut seen = json!({"last_step": 20, "last_step_at": at(0), "job": {
        "name": "n", "state": "JOB_STATE_RUNNING", "sub_state": "TUNING", "state_since": at(0)}});
    seen.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    run(&seen)
}

#[test]
fn a_finished_run_serves_its_best_checkpoint() {
    let polled = fresh(curve(&[1.0, 0.9], &[0.4, 0.6]));
    let after = apply_at(&run(&json!({})), &job("SUCCEEDED", ""), &polled, 9);
    assert_eq!(after.state, State::Succeeded);
    assert_eq!(after.chosen.unwrap().id, "1");
    assert_eq!(after.finished_at, Some(at(9)));
}

#[test]
fn a_job_that_succeeds_although_it_was_asked_to_stop_has_succeeded() {
    let stop = run(&json!({"state": "stopping",
        "stop": {"finding": "overfit", "called_by": "x", "at": at(1)}}));
    let polled = fresh(curve(&[1.0, 0.9], &[0.4]));
    let after = apply_at(&stop, &job("SUCCEEDED", ""), &polled, 9);
    assert_eq!(after.state, State::Succeeded);
}

#[test]
fn a_stopped_run_keeps_only_what_the_decision_kept() {
    let stopped = run(&json!({"state": "stopping"}));
    let polled = fresh(curve(&[1.0, 0.9], &[0.4]));
    let after = apply_at(&stopped, &job("CANCELLED", ""), &polled, 9);
    assert_eq!((after.state, after.chosen), (State::Cancelled, None));
}

#[test]
fn a_job_that_tunes_without_new_steps_has_stalled() {
    let polled = fresh(curve(&[1.0, 0.9], &[]));
    let found = |sub_state, minutes| {
        let after = apply_at(
            &tuning(&json!({})),
            &job("RUNNING", sub_state),
            &polled,
            minutes,
        );
        codes(&after)
    };
    assert_eq!(found("TUNING", 59), (vec![], false));
    assert_eq!(found("TUNING", 61), (vec![HealthCode::Stalled], true));
    assert_eq!(found("WAITING_FOR_QUOTA", 61), (vec![], false));
}

#[test]
fn a_job_without_a_checkpoint_is_given_up_only_if_its_model_is_lost() {
    let no_checkpoint =
        json!({"state": "JOB_STATE_RUNNING", "tuningJobState": "TUNING", "tunedModel": {}});
    let job = job_with(&no_checkpoint);
    let standing = fresh(curve(&[1.0, 0.9], &[]));
    let after = apply_at(&tuning(&json!({})), &job, &standing, 61);
    assert_eq!(codes(&after), (vec![HealthCode::Stalled], false));
    assert_eq!(after.finding_polls, 0);
    let lost = fresh(curve(
        &[1.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN],
        &[],
    ));
    let after = apply_at(&tuning(&json!({})), &job, &lost, 5);
    assert_eq!(codes(&after), (vec![HealthCode::NotANumber], true));
    assert_eq!(after.finding_polls, 1);
}

#[test]
fn losses_that_cannot_be_read_are_not_evidence() {
    let found = json!({"finding": "overfit", "finding_polls": 3, "job_missing_ticks": 2,
        "findings": [{"code": "overfit", "stops": true}]});
    let before = tuning(&found);
    let polled = unread(curve(&[1.0, 0.9], &[0.4, 0.6]), "not allowed");
    let running = apply_at(&before, &job("RUNNING", "TUNING"), &polled, 90);
    let kept = (running.finding, running.finding_polls, running.last_step);
    assert_eq!(kept, (Some(HealthCode::Overfit), 3, Some(20)));
    assert_eq!(running.job_missing_ticks, 0, "the job is there");
    let reading = running.curve.clone().unwrap();
    assert_eq!((reading.state, reading.since), (CurveState::Unread, at(90)));
    assert_eq!(reading.reason.as_deref(), Some("not allowed"));
    let ended = apply_at(&before, &job("SUCCEEDED", ""), &polled, 90);
    assert_eq!(ended.state, State::Succeeded);
    assert_eq!(ended.chosen.unwrap().id, "1", "the best of what was seen");
}

#[test]
fn a_board_that_is_missing_or_refused_for_ever_is_a_finding_that_stops_nothing() {
    for polled in [
        none(),
        unread(curve(&[1.0], &[]), "quota exceeded (RESOURCE_EXHAUSTED)"),
    ] {
        let mut run = tuning(&json!({"last_step": null, "last_step_at": null}));
        for minutes in 1..600 {
            run = apply_at(&run, &job("RUNNING", "TUNING"), &polled, minutes);
            let expected = if minutes > 31 {
                vec![HealthCode::NoMetrics]
            } else {
                vec![]
            };
            assert_eq!(
                codes(&run),
                (expected, false),
                "{polled:?} after {minutes} minutes"
            );
        }
        assert_eq!(run.finding_polls, 0);
        let reading = run.curve.unwrap();
        assert_eq!(reading.since, at(1));
        let noted = run
            .history
            .iter()
            .filter(|it| it.note.contains("no_metrics"));
        assert_eq!(noted.count(), 1, "{:?}", run.history);
    }
}

#[test]
fn a_state_that_lasts_longer_than_is_typical_is_a_finding_with_both_times() {
    for (state, sub_state, typical) in [
        ("PAUSED", "TUNING", 15),
        ("RUNNING", "TUNING_JOB_STATE_WAITING_FOR_CAPACITY", 60),
        ("PENDING", "WAITING_FOR_QUOTA", 180),
        ("RUNNING", "PROCESSING_DATASET", 60),
    ] {
        let job = job(state, sub_state);
        let first = apply_at(&run(&json!({})), &job, &none(), 0);
        let usual = apply_at(&first, &job, &none(), typical);
        assert_eq!(codes(&usual), (vec![], false), "{state} {sub_state}");
        let stuck = apply_at(&usual, &job, &none(), typical + 60);
        assert_eq!(
            codes(&stuck),
            (vec![HealthCode::Stuck], false),
            "{state} {sub_state}"
        );
        let seconds = |minutes: i64| TimeDelta::minutes(minutes).as_seconds_f64();
        let evidence = json!({"elapsed_s": seconds(typical + 60), "typical_s": seconds(typical)});
        assert_eq!(json!(stuck.findings[0].evidence), evidence);
        assert_eq!(stuck.state, State::Running, "only a person ends it");
    }
}

#[test]
fn a_job_that_runs_too_long_or_costs_too_much_is_a_finding_that_stops_nothing() {
    let job = job_with(&json!({"state": "JOB_STATE_RUNNING", "startTime": at(0),
        "tuningDataStats": {"supervisedTuningDataStats": {"totalBillableTokenCount": "5000"}}}));
    let moving = |step: u64| {
        let mut curve = curve(&[1.0], &[]);
        curve.train[0].step = step;
        fresh(curve)
    };
    let day = apply_at(&tuning(&json!({})), &job, &moving(30), 24 * 60);
    assert_eq!(codes(&day), (vec![HealthCode::OverBudget], false));
    let evidence = json!({"spent_usd": 50.0, "limit_usd": 2.0});
    assert_eq!(json!(day.findings[0].evidence), evidence);
    let later = apply_at(&day, &job, &moving(40), 24 * 60 + 1);
    let both = vec![HealthCode::OverBudget, HealthCode::OverTime];
    assert_eq!(codes(&later), (both, false));
}

#[test]
fn a_finding_that_is_over_is_noted() {
    let lost = fresh(curve(&[f64::NAN; 5], &[]));
    let running = job("RUNNING", "TUNING");
    let sick = apply_at(&tuning(&json!({})), &running, &lost, 1);
    assert_eq!(
        (sick.finding, sick.finding_polls),
        (Some(HealthCode::NotANumber), 1)
    );
    let well = fresh(curve(&[1.0, f64::NAN, f64::NAN, f64::NAN, 0.9, 0.8], &[]));
    let after = apply_at(&sick, &running, &well, 2);
    assert_eq!((after.finding, after.finding_polls), (None, 0));
    assert_eq!(after.findings, []);
    assert_eq!(
        after.history.last().unwrap().note,
        "nothing is wrong with it any more"
    );
}

#[test]
fn an_unknown_state_is_recorded_and_does_not_end_the_run() {
    let polled = fresh(curve(&[1.0, 0.9], &[]));
    let after = apply_at(&run(&json!({})), &job("NAPPING", ""), &polled, 9);
    assert_eq!(after.state, State::Running);
    assert_eq!(after.job.unwrap().state.to_string(), "NAPPING");
}

#[test]
fn a_failed_job_that_owns_a_model_is_reported_with_it() {
    let failed: TuningJob = serde_json::from_value(json!({
        "name": "projects/p/locations/l/tuningJobs/1", "state": "JOB_STATE_FAILED",
        "error": {"code": 13, "message": "Failed to create endpoint."},
        "tunedModel": {"model": "projects/1/locations/us/models/3@1"},
    }))
    .unwrap();
    let after = apply(
        &run(&json!({})),
        &failed,
        &fresh(curve(&[], &[])),
        LIMITS,
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
