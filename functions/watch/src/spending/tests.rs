//! What becomes of a reservation, by cases.

use serde_json::{Value, json};
use shared::price::prices;

use super::*;
use crate::fixtures::{self, at};

/// A queued run of four epochs, at three dollars a million tokens.
fn run(extra: &Value) -> Run {
    let plan = json!({"base_model": "gemini-3.1-flash-lite", "region": "r", "epochs": 4,
                      "learning_rate_multiplier": 1.0, "adapter_size": 1});
    fixtures::run(&[&json!({"plan": plan, "state": "queued"}), extra])
}

fn job(attempt: u32, state: &str, extra: &Value) -> JobEntry {
    let open = matches!(state, "JOB_STATE_RUNNING" | "JOB_STATE_PENDING");
    let mut job = json!({
        "name": "projects/p/locations/us-central1/tuningJobs/1", "location": "us-central1",
        "run": "a-b-c", "attempt": attempt, "state": state, "owner": "recorded", "open": open,
        "first_seen": at(0), "last_seen": at(0),
    });
    let fields = job.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(job).unwrap()
}

fn entry() -> SpendEntry {
    SpendEntry {
        day: at(0).date_naive(),
        reserved: Usd(15_000_000),
        settled: None,
        assumed: false,
        costs: std::collections::BTreeMap::new(),
        surplus: std::collections::BTreeMap::new(),
        revision: 1,
        at: at(0),
    }
}

#[track_caller]
fn check(run: Option<&Value>, jobs: &[JobEntry], minutes: i64, expected: &SpendStep) {
    let found = run.map(self::run);
    let reservation = OpenReservation {
        attempt: 1,
        month: "1970-01",
        entry: &entry(),
        settled_elsewhere: false,
    };
    let jobs: Vec<&JobEntry> = jobs.iter().collect();
    let step = next(reservation, found.as_ref(), &jobs, prices(), at(minutes));

    assert_eq!(&step, expected, "{run:?} {jobs:?}");
}

/// A settlement of jobs with these costs.
fn settle(costs: &[u64], assumed: bool) -> SpendStep {
    let key = "us-central1-1".to_owned();
    SpendStep::Settle {
        costs: costs.iter().map(|usd| (key.clone(), Usd(*usd))).collect(),
        assumed,
    }
}

#[test]
fn what_may_still_cost_money_is_kept() {
    let open = [job(1, "JOB_STATE_RUNNING", &json!({}))];
    for state in ["running", "stopping", "failed", "queued"] {
        check(Some(&json!({"state": state})), &open, 900, &SpendStep::Keep);
    }
    check(None, &open, 900, &SpendStep::Keep);
    check(
        Some(&json!({"state": "running"})),
        &[],
        900,
        &SpendStep::Keep,
    );
    let armed = json!({"armed": {"owner": "o", "at": at(0), "deadline": at(1)}});
    check(Some(&armed), &[], 900, &SpendStep::Keep);
    let reserved = json!({"reservation": {"month": "1970-01", "revision": 1}});
    check(Some(&reserved), &[], 900, &SpendStep::Keep);
}

#[test]
fn what_bought_nothing_is_released_once_no_job_can_appear() {
    for run in [
        Some(json!({})),
        Some(json!({"state": "failed"})),
        Some(json!({"state": "awaiting_approval"})),
        Some(json!({"attempt": 2})),
        None,
    ] {
        check(run.as_ref(), &[], 19, &SpendStep::Keep);
        check(run.as_ref(), &[], 20, &SpendStep::Release);
    }
}

/// The steps after 19 and after 20 minutes.
#[track_caller]
fn check_of_february(
    run: &Value,
    job: &JobEntry,
    settled_elsewhere: bool,
    expected: [&SpendStep; 2],
) {
    let run = self::run(run);
    for (minutes, expected) in [19, 20].into_iter().zip(expected) {
        let reservation = OpenReservation {
            attempt: 1,
            month: "1970-02",
            entry: &entry(),
            settled_elsewhere,
        };
        let step = next(reservation, Some(&run), &[job], prices(), at(minutes));
        assert_eq!(&step, expected, "{run:?}");
    }
}

#[test]
fn of_two_reservations_at_the_turn_of_a_month_one_is_settled_and_the_other_released() {
    let done = job(
        1,
        "JOB_STATE_SUCCEEDED",
        &json!({"billed_tokens": 1_000_000}),
    );
    let released = [&SpendStep::Keep, &SpendStep::Release];
    let relies_on =
        |month: &str| json!({"state": "succeeded", "reservation": {"month": month, "revision": 1}});
    check_of_february(&relies_on("1970-01"), &done, false, released);
    let running = job(1, "JOB_STATE_RUNNING", &json!({}));
    let mut runs = relies_on("1970-01");
    runs["state"] = "running".into();
    check_of_february(&runs, &running, false, released);
    let settled = settle(&[12_000_000], false);
    check_of_february(&relies_on("1970-02"), &done, false, [&settled, &settled]);
    // The next attempt has forgotten in which month this one was reserved.
    let next_attempt = json!({"attempt": 2});
    check_of_february(&next_attempt, &done, true, released);
    check_of_february(&next_attempt, &done, false, [&settled, &settled]);
}

#[test]
fn an_attempt_settles_at_what_was_billed() {
    // A million tokens a pass, four passes, three dollars a million.
    let counted = json!({"billed_tokens": 1_000_000});
    let succeeded = [job(1, "JOB_STATE_SUCCEEDED", &counted)];
    check(
        Some(&json!({"state": "succeeded"})),
        &succeeded,
        1,
        &settle(&[12_000_000], false),
    );
    // One epoch is done, and the one under way counts as whole.
    let stopped_after = json!({"billed_tokens": 1_000_000, "completed_epochs": 1});
    let cancelled = [job(1, "JOB_STATE_CANCELLED", &stopped_after)];
    for run in [json!({"state": "cancelled"}), json!({"attempt": 2})] {
        check(Some(&run), &cancelled, 1, &settle(&[6_000_000], true));
    }
    // The service does not say how far it came, or the job is gone: the most it can be.
    let mut unknown = [job(1, "JOB_STATE_CANCELLED", &counted)];
    let most = settle(&[12_000_000], true);
    check(Some(&json!({"state": "failed"})), &unknown, 1, &most);
    unknown = [job(1, "JOB_STATE_RUNNING", &stopped_after)];
    unknown[0].open = false;
    check(Some(&json!({"state": "failed"})), &unknown, 1, &most);
    // A tick recorded the cost before, and its settlement was lost.
    let mut recorded = cancelled;
    recorded[0].cost_micros = Some(6_000_000);
    check(
        Some(&json!({"attempt": 2})),
        &recorded,
        1,
        &settle(&[6_000_000], true),
    );
    let both = [
        job(1, "JOB_STATE_SUCCEEDED", &counted),
        job(1, "JOB_STATE_CANCELLED", &json!({})),
    ];
    check(
        Some(&json!({"state": "succeeded"})),
        &both,
        1,
        &settle(&[12_000_000, 0], true),
    );
}

#[test]
fn a_job_that_was_never_counted_has_trained_nothing_unless_it_made_steps() {
    let failed = [job(1, "JOB_STATE_FAILED", &json!({}))];
    check(
        Some(&json!({"state": "failed"})),
        &failed,
        1,
        &settle(&[0], true),
    );
    let name = "projects/7/locations/us-central1/tuningJobs/1";
    let mut stepped = json!({"state": "failed", "last_step": 20, "job": {"name": name, "state": "JOB_STATE_FAILED"}});
    check(Some(&stepped), &failed, 1, &settle(&[15_000_000], true));
    stepped["job"]["name"] = "projects/7/locations/us-central1/tuningJobs/2".into();
    check(Some(&stepped), &failed, 1, &settle(&[0], true));
}
