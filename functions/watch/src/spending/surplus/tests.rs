//! What becomes of a job that its attempt does not pay for, by cases.

use serde_json::{Value, json};
use shared::price::prices;

use super::*;
use crate::fixtures::{self, at};

/// A run of four epochs, at three dollars a million tokens: up to fifteen dollars.
fn run(extra: &Value) -> Run {
    let plan = json!({"base_model": "gemini-3.1-flash-lite", "region": "r", "epochs": 4,
                      "learning_rate_multiplier": 1.0, "adapter_size": 1});
    let estimate = json!({"tokens_low": 1, "tokens_high": 1, "usd_low": 1.0, "usd_high": 15.0, "price_as_of": ""});
    fixtures::run(&[&json!({"plan": plan, "estimate": estimate}), extra])
}

fn name(number: u8) -> String {
    format!("projects/p/locations/us-central1/tuningJobs/{number}")
}

fn job(number: u8, state: &str, extra: &Value) -> JobEntry {
    let mut job = json!({
        "name": name(number), "location": "us-central1", "run": "a-b-c", "attempt": 1,
        "state": state, "owner": "surplus", "open": state == "JOB_STATE_RUNNING",
        "first_seen": at(number.into()), "last_seen": at(5),
    });
    let fields = job.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(job).unwrap()
}

/// A month in which the attempt has this entry.
fn month(name: &str, entry: &Value) -> SpendMonth {
    let mut fields = json!({"day": "1970-01-01", "reserved_micros": 15_000_000, "at": at(0)});
    let all = fields.as_object_mut().unwrap();
    all.extend(entry.as_object().unwrap().clone());
    serde_json::from_value(json!({"month": name, "entries": {"a-b-c.1": fields}})).unwrap()
}

const MOST: Usd = Usd(15_000_000);
const RUNNING: &str = "JOB_STATE_RUNNING";
const CANCELLED: &str = "JOB_STATE_CANCELLED";

#[track_caller]
fn check(
    job: &JobEntry,
    siblings: &[&JobEntry],
    run: &Value,
    entry: &Value,
    expected: SurplusStep,
) {
    let month = month("1970-01", entry);
    let entry = month.entries.get("a-b-c.1");
    let step = next(job, siblings, &self::run(run), entry, prices());
    assert_eq!(step, expected, "{job:?} {entry:?}");
}

#[test]
fn one_job_of_an_attempt_is_paid_for_and_each_other_one_counts() {
    let none = json!({});
    let (first, second) = (job(1, RUNNING, &none), job(2, RUNNING, &none));
    let both = [&first, &second];
    check(&first, &both, &none, &none, SurplusStep::Covered);
    check(&second, &both, &none, &none, SurplusStep::Count(MOST));
    let recorded = json!({"job": {"name": name(2), "state": RUNNING}});
    check(&first, &both, &recorded, &none, SurplusStep::Covered);
    let counted = json!({"surplus_micros": {"us-central1-2": 1}});
    check(&second, &both, &none, &counted, SurplusStep::Covered);
    let by_count_alone = json!({"reserved_micros": 0});
    check(
        &first,
        &[&first],
        &none,
        &by_count_alone,
        SurplusStep::Count(MOST),
    );
    let of_another_attempt = job(1, RUNNING, &json!({"attempt": 2}));
    check(
        &second,
        &[&of_another_attempt, &second],
        &none,
        &none,
        SurplusStep::Covered,
    );
}

#[test]
fn a_job_that_appears_after_the_settlement_counts_and_is_added_at_its_end() {
    let none = json!({});
    let settled =
        json!({"settled_micros": 6_000_000, "costs_micros": {"us-central1-1": 6_000_000}});
    let open = job(2, RUNNING, &none);
    check(&open, &[&open], &none, &settled, SurplusStep::Count(MOST));
    // A million tokens a pass, one pass done and one under way.
    let ended = job(
        2,
        CANCELLED,
        &json!({"billed_tokens": 1_000_000, "completed_epochs": 1}),
    );
    let add = SurplusStep::Settle {
        usd: Usd(6_000_000),
        assumed: true,
    };
    check(&ended, &[&ended], &none, &settled, add);
    let done = job(1, CANCELLED, &none);
    check(
        &done,
        &[&done],
        &none,
        &settled,
        SurplusStep::Record(Usd(6_000_000)),
    );
    let untrained = SurplusStep::Settle {
        usd: Usd::ZERO,
        assumed: true,
    };
    let never_counted = job(2, CANCELLED, &none);
    check(
        &never_counted,
        &[&never_counted],
        &none,
        &settled,
        untrained,
    );
}

#[test]
fn a_job_without_a_reservation_counts_what_it_may_cost() {
    let run = run(&json!({}));
    let step = |job: &JobEntry| next(job, &[job], &run, None, prices());
    assert_eq!(step(&job(1, RUNNING, &json!({}))), SurplusStep::Count(MOST));
    let more = job(1, RUNNING, &json!({"billed_tokens": 2_000_000}));
    assert_eq!(
        step(&more),
        SurplusStep::Count(Usd(24_000_000)),
        "than was expected"
    );
    assert_eq!(own_month(&more), "1970-01");
}

#[test]
fn a_job_counts_where_it_does_already_else_where_its_attempt_is_settled() {
    let job = job(2, RUNNING, &json!({}));
    let (open, settled) = (json!({}), json!({"settled_micros": 1}));
    let counted = json!({"surplus_micros": {"us-central1-2": 1}});
    let relies = json!({"reservation": {"month": "1970-02", "revision": 1}});
    let placed = |entries: [&Value; 2], relied_on: &Value| {
        let months = ["1970-01", "1970-02"].iter().zip(entries);
        let months: Vec<SpendMonth> = months.map(|(name, entry)| month(name, entry)).collect();
        let run = run(relied_on);
        place(&months, "a-b-c.1", &job, &run).unwrap().month.clone()
    };
    assert_eq!(placed([&open, &open], &open), "1970-01");
    assert_eq!(placed([&open, &open], &relies), "1970-02");
    assert_eq!(placed([&settled, &open], &relies), "1970-01");
    assert_eq!(placed([&settled, &counted], &open), "1970-02");
    let run = run(&relies);
    assert_eq!(
        place(&[SpendMonth::new("1970-01")], "a-b-c.1", &job, &run),
        None
    );
    let names = months(&job, &run, at(60 * 24 * 70));
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        ["1969-12", "1970-01", "1970-02", "1970-03"]
    );
}
