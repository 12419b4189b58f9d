//! Tables and properties of what the ledger does about a job.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::google::vertex::{JobName, TuningJob};

use super::*;
use crate::fixtures::{self, at};

const BY_ID: &str = "projects/acme/locations/us-central1/tuningJobs/7";
const BY_NUMBER: &str = "projects/123/locations/us-central1/tuningJobs/7";
const OTHER: &str = "projects/acme/locations/us-central1/tuningJobs/8";

fn job(state: &str) -> TuningJob {
    TuningJob::read(json!({
        "name": BY_ID, "state": format!("JOB_STATE_{state}"),
        "labels": {"app": "lapidary", "lapidary_run": "a-b-c"},
    }))
    .unwrap()
}

fn entry(state: &str, owner: JobOwner) -> JobEntry {
    let name: JobName = BY_ID.parse().unwrap();
    JobEntry::new(name, &job(state), owner, at(0))
}

fn run(state: &str, job: Option<&str>, extra: &Value) -> Run {
    let job = job.map(|name| json!({"name": name, "state": "JOB_STATE_RUNNING"}));
    fixtures::run(&[&json!({"state": state, "job": job}), extra])
}

#[track_caller]
fn check(entry: &JobEntry, run: Option<&Run>, now: i64, expected: &[JobEffect]) {
    let found = next(entry, run, at(now));
    assert_eq!(
        found,
        expected,
        "{:?}",
        run.map(|run| (run.state, &run.job))
    );
}

#[test]
fn a_job_is_its_runs_own_however_its_project_is_spelt() {
    let recorded = entry("RUNNING", JobOwner::Recorded);
    for name in [BY_ID, BY_NUMBER] {
        check(
            &recorded,
            Some(&run("running", Some(name), &json!({}))),
            9,
            &[],
        );
    }
}

#[test]
fn a_run_that_waits_adopts_its_job_even_one_that_has_ended() {
    for state in ["RUNNING", "SUCCEEDED", "FAILED"] {
        let found = entry(state, JobOwner::Orphan);
        let armed = json!({"armed": {"owner": "o", "at": at(0), "deadline": at(1)}});
        for extra in [armed, json!({})] {
            let waiting = run("queued", None, &extra);
            let expected = [JobEffect::Own(JobOwner::Adopted), JobEffect::Adopt];
            check(&found, Some(&waiting), 9, &expected);
        }
    }
    let adopted = entry("RUNNING", JobOwner::Adopted);
    let running = run("running", Some(BY_NUMBER), &json!({}));
    check(&adopted, Some(&running), 9, &[]);
}

#[test]
fn a_job_whose_call_is_under_way_is_left_to_tune() {
    let armed = json!({"armed": {"owner": "o", "at": at(0), "deadline": at(10)}});
    let waiting = run("queued", None, &armed);
    let found = entry("PENDING", JobOwner::Orphan);
    check(
        &found,
        Some(&waiting),
        9,
        &[JobEffect::Own(JobOwner::Recorded)],
    );
    let expected = [JobEffect::Own(JobOwner::Adopted), JobEffect::Adopt];
    check(
        &entry("PENDING", JobOwner::Recorded),
        Some(&waiting),
        10,
        &expected,
    );
}

#[test]
fn a_job_of_another_attempt_is_not_adopted() {
    let earlier = entry("RUNNING", JobOwner::Orphan);
    let again = run("queued", None, &json!({"attempt": 2}));
    let expected = [
        JobEffect::Unwanted(CancelCause::Orphan),
        JobEffect::Cancel(CancelCause::Orphan),
    ];
    check(&earlier, Some(&again), 9, &expected);
}

#[test]
fn a_second_job_of_a_run_is_cancelled() {
    let second = entry("RUNNING", JobOwner::Orphan);
    for state in ["running", "stopping", "succeeded"] {
        let expected = [
            JobEffect::Own(JobOwner::Surplus),
            JobEffect::Unwanted(CancelCause::Surplus),
            JobEffect::Cancel(CancelCause::Surplus),
        ];
        check(
            &second,
            Some(&run(state, Some(OTHER), &json!({}))),
            9,
            &expected,
        );
    }
    let ended = entry("CANCELLED", JobOwner::Surplus);
    check(
        &ended,
        Some(&run("running", Some(OTHER), &json!({}))),
        9,
        &[],
    );
}

#[test]
fn a_job_without_a_run_that_wants_it_is_cancelled() {
    let orphan = entry("RUNNING", JobOwner::Orphan);
    let expected = [
        JobEffect::Unwanted(CancelCause::Orphan),
        JobEffect::Cancel(CancelCause::Orphan),
    ];
    check(&orphan, None, 9, &expected);
    for state in ["awaiting_approval", "failed", "cancelled"] {
        check(&orphan, Some(&run(state, None, &json!({}))), 9, &expected);
    }
    // It was taken for gone, its run has failed, and it is there again.
    let back = entry("RUNNING", JobOwner::Recorded);
    check(
        &back,
        Some(&run("failed", Some(BY_ID), &json!({}))),
        9,
        &expected,
    );
}

#[test]
fn a_cancel_is_asked_again_until_the_job_has_ended() {
    let stop = json!({"stop": {"finding": "diverged", "called_by": "watch", "at": at(10)}});
    let stopping = run("stopping", Some(BY_NUMBER), &stop);
    let mut job_entry = entry("RUNNING", JobOwner::Recorded);
    let ask = JobEffect::Cancel(CancelCause::Stopped);
    let mut asked = Vec::new();
    let mut reported = Vec::new();
    for minute in 10..45 {
        let effects = next(&job_entry, Some(&stopping), at(minute));
        if effects.contains(&JobEffect::ReportNoEffect) {
            reported.push(minute);
        }
        if effects.contains(&ask) {
            asked.push(minute);
            job_entry.cancels.record(None, at(minute));
        }
    }
    // early-stop asked at minute 10, right after its decision.
    assert_eq!(asked, [11, 16, 21, 26, 31, 36, 41]);
    assert_eq!(reported, [31, 36, 41], "a person must know");
    assert_eq!(job_entry.cancels.accepted, 7);
    job_entry.see(&job("CANCELLED"), at(45));
    check(&job_entry, Some(&stopping), 50, &[]);
}

#[test]
fn a_cancel_that_is_not_accepted_is_asked_again_sooner() {
    let withdrawal = json!({"withdrawal": {"by": "ada", "why": "w", "at": at(10)}});
    let stopping = run("stopping", Some(BY_ID), &withdrawal);
    let mut job_entry = entry("RUNNING", JobOwner::Recorded);
    let ask = [JobEffect::Cancel(CancelCause::Stopped)];
    // Nothing has asked before: the console makes no call.
    check(&job_entry, Some(&stopping), 10, &ask);
    job_entry.cancels.record(Some("not now".to_owned()), at(10));
    check(&job_entry, Some(&stopping), 11, &ask);
    job_entry.cancels.record(None, at(11));
    check(&job_entry, Some(&stopping), 15, &[]);
    check(&job_entry, Some(&stopping), 16, &ask);
}

#[test]
fn a_job_that_has_ended_stays_with_the_attempt_that_had_it() {
    let ended = entry("FAILED", JobOwner::Recorded);
    check(
        &ended,
        Some(&run("queued", None, &json!({"attempt": 2}))),
        9,
        &[],
    );
}

proptest! {
    /// Money is never stopped by mistake: a running run's own job is left alone, whatever its history.
    #[test]
    fn the_job_of_a_running_run_is_never_cancelled(
        state in "QUEUED|PENDING|RUNNING|PAUSED|CANCELLING",
        owner in prop_oneof![
            Just(JobOwner::Recorded), Just(JobOwner::Adopted), Just(JobOwner::Surplus), Just(JobOwner::Orphan),
        ],
        spelling in prop_oneof![Just(BY_ID), Just(BY_NUMBER)],
        now in 0_i64..10_000,
    ) {
        let run = run("running", Some(spelling), &json!({}));
        let effects = next(&entry(&state, owner), Some(&run), at(now));
        let only_owns = effects.iter().all(|effect| matches!(effect, JobEffect::Own(_)));
        prop_assert!(only_owns, "{effects:?}");
    }

    /// And never left to run without a run: each such job is asked to stop within six minutes.
    #[test]
    fn a_job_that_no_run_wants_is_asked_to_stop_within_six_minutes(
        run_state in prop_oneof![
            Just(None), Just(Some("awaiting_approval")), Just(Some("failed")), Just(Some("cancelled")),
        ],
        asks in prop::collection::vec((0_i64..100, any::<bool>()), 0..6),
    ) {
        let run = run_state.map(|state| run(state, None, &json!({})));
        let mut job_entry = entry("RUNNING", JobOwner::Orphan);
        for (minute, fails) in asks {
            job_entry.cancels.record(fails.then(|| "not now".to_owned()), at(minute));
        }
        let last = job_entry.cancels.last_at.unwrap_or(at(0));
        let effects = next(&job_entry, run.as_ref(), last + TimeDelta::minutes(6));
        prop_assert!(effects.contains(&JobEffect::Cancel(CancelCause::Orphan)), "{effects:?}");
    }
}
