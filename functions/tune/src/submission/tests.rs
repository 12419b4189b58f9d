//! The steps of single deliveries; `tests/simulation` has them under schedules of faults.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::{
    google::vertex::{JobList, TuningJob},
    outcome::{CallError, ErrorAnswer, Idempotency, RpcCode},
    spend::Reservation,
};

use super::*;
use crate::plan::{
    plan,
    tests::{now, policy, version},
};

const RULES: BuyRules = BuyRules {
    jobs_max: 1,
    arming_max: Duration::from_secs(15),
    create_within: TimeDelta::seconds(30),
    settle: Duration::from_secs(150),
};

/// A delivery, and what it was answered so far.
struct Scene {
    submission: Submission,
    step: BuyStep,
    began: Instant,
    /// The run as it is stored.
    stored: Run,
}

fn clock(began: Instant, seconds: u64) -> BuyClock {
    BuyClock {
        now: at(seconds),
        instant: began + Duration::from_secs(seconds),
    }
}

fn at(seconds: u64) -> DateTime<Utc> {
    now() + Duration::from_secs(seconds)
}

impl Scene {
    fn begin(run: Run, seconds: u64) -> Self {
        let began = Instant::now();
        let owner = "me".to_owned();
        let (submission, step) =
            Submission::begin(run.clone(), RULES, owner, clock(began, seconds));
        Self {
            submission,
            step,
            began,
            stored: run,
        }
    }

    fn answer(&mut self, answer: BuyAnswer, seconds: u64) {
        self.step = self.submission.next(answer, clock(self.began, seconds));
    }

    /// Answers as a world without faults does, up to a list, the call, or the end.
    fn goes_on(&mut self, seconds: u64) {
        self.goes_on_to(seconds, |_| false);
    }

    /// The same, up to a step before that.
    fn goes_on_to(&mut self, seconds: u64, stops: fn(&BuyStep) -> bool) {
        let version = Arc::new(version("", 1_000_000));
        while !stops(&self.step) {
            let answer = match &self.step {
                BuyStep::ReadOpenRuns => BuyAnswer::OpenRuns(crate::queue::RunQueue::default()),
                BuyStep::ReadVersion(_) => BuyAnswer::Version(Some(Arc::clone(&version))),
                BuyStep::ReadPolicy => BuyAnswer::Policy(Ok(Arc::new(policy("", "", "")))),
                BuyStep::Reserve { .. } => BuyAnswer::Reserved(Ok(Reservation {
                    month: "2026-11".to_owned(),
                    revision: 1,
                })),
                BuyStep::Write(run) => {
                    self.stored = (**run).clone();
                    BuyAnswer::Done
                }
                BuyStep::Reread => BuyAnswer::Run(Box::new(self.stored.clone())),
                BuyStep::CancelSurplus(_)
                | BuyStep::EnterInLedger(_)
                | BuyStep::Release { .. }
                | BuyStep::PublishSubmitted
                | BuyStep::PublishAwaits
                | BuyStep::Report(_) => BuyAnswer::Done,
                BuyStep::ListJobs | BuyStep::Create(_) | BuyStep::End(_) => return,
            };
            self.answer(answer, seconds);
        }
    }

    #[track_caller]
    fn ends_busy(&self, with: &str) {
        let BuyStep::End(Err(error)) = &self.step else {
            panic!("{:?}", self.step);
        };
        assert!(error.to_string().contains(with), "{error}");
    }
}

fn queued() -> Run {
    plan(
        &version("", 1_000_000),
        &policy("", "", ""),
        "us-central1",
        shared::price::prices(),
        now(),
    )
}

fn armed() -> Scene {
    let mut scene = Scene::begin(queued(), 0);
    scene.goes_on(0);
    assert!(matches!(scene.step, BuyStep::Create(_)), "{:?}", scene.step);
    scene
}

fn job(number: u32) -> TuningJob {
    TuningJob::read(json!({
        "name": format!("projects/p/locations/us-central1/tuningJobs/{number}"),
        "state": "JOB_STATE_RUNNING",
    }))
    .unwrap()
}

#[test]
fn a_job_is_created_after_money_and_intent_are_written_and_then_recorded() {
    let mut scene = armed();
    assert!(scene.stored.armed.is_some() && scene.stored.reservation.is_some());
    scene.answer(BuyAnswer::Created(Ok(Box::new(job(1)))), 5);
    assert!(
        matches!(&scene.step, BuyStep::EnterInLedger(entry) if entry.request.is_some()),
        "{:?}",
        scene.step
    );
    scene.goes_on(5);
    assert_eq!(scene.stored.state, State::Running);
    assert!(scene.stored.job.is_some() && scene.stored.armed.is_none());
}

#[test]
fn a_process_that_stood_still_after_the_intent_does_not_call() {
    let mut scene = Scene::begin(queued(), 0);
    scene.goes_on_to(0, |step| matches!(step, BuyStep::Reread));
    let run = BuyAnswer::Run(Box::new(scene.stored.clone()));
    scene.answer(run, 16);
    scene.ends_busy("took too long");
}

#[test]
fn an_unknown_outcome_keeps_intent_and_money_and_is_listed_after_the_settle_time() {
    let mut scene = armed();
    let lost = CallError::not_answered("time-out", Idempotency::NotIdempotent);
    scene.answer(BuyAnswer::Created(Err(lost)), 30);
    assert!(matches!(scene.step, BuyStep::End(Err(_))));
    let run = scene.stored;
    assert!(run.armed.is_some() && run.reservation.is_some());
    Scene::begin(run.clone(), 179).ends_busy("may still create a job");
    let mut later = Scene::begin(run, 180);
    assert!(matches!(later.step, BuyStep::ListJobs));
    // Part of a list proves no absence.
    later.answer(BuyAnswer::Jobs(JobList::default()), 180);
    later.ends_busy("could not be read to its end");
}

#[test]
fn the_oldest_job_of_an_earlier_call_is_adopted_and_the_others_are_cancelled() {
    let mut run = armed().stored;
    run.unknown_creates = 1;
    let mut scene = Scene::begin(run, 180);
    let listed = JobList {
        jobs: vec![job(1), job(2), job(3)],
        complete: true,
    };
    scene.answer(BuyAnswer::Jobs(listed), 180);
    for number in [2, 3] {
        let name = job(number).name;
        assert!(
            matches!(&scene.step, BuyStep::CancelSurplus(job) if *job == name),
            "{:?}",
            scene.step
        );
        scene.answer(BuyAnswer::Done, 180);
    }
    scene.goes_on(180);
    let recorded = scene.stored.job.map(|job| job.name);
    assert_eq!(recorded, Some(job(1).name));
}

#[test]
fn a_definite_no_leaves_neither_intent_nor_money() {
    let mut scene = armed();
    scene.answer(BuyAnswer::Created(Err(CallError::not_sent("no route"))), 1);
    scene.goes_on(1);
    assert!(matches!(scene.step, BuyStep::End(Err(_))));
    assert!(scene.stored.armed.is_none() && scene.stored.reservation.is_none());
}

#[test]
fn what_a_late_delivery_was_answered_does_not_end_a_run_that_has_a_job_now() {
    let mut scene = armed();
    let refused = CallError::of(
        ErrorAnswer {
            code: Some(RpcCode::InvalidArgument),
            message: "no".to_owned(),
            ..ErrorAnswer::default()
        },
        Idempotency::NotIdempotent,
    );
    scene.answer(BuyAnswer::Created(Err(refused)), 1);
    scene.goes_on_to(1, |step| matches!(step, BuyStep::Reread));
    // It stood still, and another delivery created a job.
    let mut running = scene.stored.clone();
    running.job = Some(job(1).record(None, at(60)));
    assert!(running.enter(State::Running, "tune", "submitted its job", at(60)));
    scene.answer(BuyAnswer::Run(Box::new(running)), 90);
    scene.ends_busy("another delivery");
}

#[test]
fn an_answer_to_another_step_is_a_bug_and_does_nothing() {
    let mut scene = armed();
    scene.answer(BuyAnswer::Done, 1);
    let BuyStep::End(Err(error)) = &scene.step else {
        panic!("{:?}", scene.step);
    };
    assert!(error.is_for_a_person());
}
