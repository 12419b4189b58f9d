//! Tables of what a tick publishes again.

use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, at};

fn run(id: &str, created: i64, extra: &Value) -> Run {
    let queued = json!({"id": id, "state": "queued", "created_at": at(created)});
    fixtures::run(&[&queued, extra])
}

fn waits(code: &str, next_try: i64) -> Value {
    json!({"waits": {"code": code, "since": at(0), "next_try_at": at(next_try)}})
}

#[track_caller]
fn check(queued: &[Run], live: usize, now: i64, expected: &[&str]) {
    let due = due(queued, live, 1, at(now));
    let due: Vec<&str> = due.iter().map(RunId::as_str).collect();
    assert_eq!(due, expected);
}

#[test]
fn the_oldest_runs_come_first_as_many_as_slots_are_free() {
    let queued = [
        run("b", 2, &json!({})),
        run("a", 2, &json!({})),
        run("c", 1, &json!({})),
    ];
    check(&queued, 0, 9, &["c"]);
    check(&queued, 1, 9, &[]);
    let all: Vec<RunId> = due(&queued, 0, 3, at(9));
    assert_eq!(
        all.iter().map(RunId::as_str).collect::<Vec<_>>(),
        ["c", "a", "b"]
    );
}

#[test]
fn a_run_whose_submission_is_in_doubt_is_always_due() {
    let armed = json!({"armed": {"owner": "o", "at": at(0), "deadline": at(1)}});
    let queued = [run("a", 1, &json!({})), run("b", 2, &armed)];
    check(&queued, 1, 9, &["b"]);
}

#[test]
fn a_run_that_waits_for_a_person_keeps_no_place_and_is_tried_again() {
    let queued = [
        run("a", 1, &waits("permission", 10)),
        run("b", 2, &json!({})),
    ];
    check(&queued, 0, 9, &["b"]);
    check(&queued, 0, 10, &["b", "a"]);
    check(&queued, 1, 10, &[]);
}

#[test]
fn a_run_that_waits_for_the_service_keeps_its_place() {
    let queued = [run("a", 1, &waits("quota", 10)), run("b", 2, &json!({}))];
    check(&queued, 0, 9, &[]);
    check(&queued, 0, 10, &["a"]);
}

#[test]
fn a_run_that_the_service_fails_is_passed_as_tune_lets_it_be() {
    let queued = [run("a", 1, &waits("service", 10)), run("b", 2, &json!({}))];
    check(&queued, 0, 9, &["b"]);
    check(&queued, 0, 10, &["b", "a"]);
}

#[test]
fn ten_thousand_queued_runs_are_promoted_in_turn() {
    let blocked = (0..10_000).map(|n| run(&format!("a{n}"), 1, &waits("cap", 5)));
    let mut queued: Vec<Run> = blocked.collect();
    queued.push(run("z", 2, &json!({})));
    let due = due(&queued, 0, 1, at(9));
    assert_eq!(due.len(), PROMOTED_MAX, "bounded");
    assert_eq!(due[0].as_str(), "z", "its turn has come");
}

#[test]
fn the_watermark_stops_at_what_has_no_run() {
    let day = |days: i64| DateTime::UNIX_EPOCH + TimeDelta::days(days);
    let version = |created: DateTime<Utc>| -> Version {
        serde_json::from_value(json!({
            "id": "a-b", "dataset": "a",
            "source": {"uri": "gs://b/o", "generation": 1},
            "source_crc32c": "", "source_bytes": 1, "recipe": {}, "format": "pairs", "code_version": "",
            "rows": {"read": 1, "kept": 1, "rejected": 0, "duplicate": 0},
            "codes": {}, "tokens": 1, "task": "text", "parts": {}, "created_at": created,
        }))
        .unwrap()
    };
    let mark = |oldest: Option<i64>, reached: Option<i64>| {
        watermark(oldest.map(day), reached.map(day), day(10))
    };
    assert_eq!(mark(None, None), day(9), "late documents are still seen");
    let before = |days: i64| day(days) - TimeDelta::seconds(1);
    assert_eq!(mark(Some(5), None), before(5));
    assert_eq!(
        mark(None, Some(4)),
        before(4),
        "no further than it has looked"
    );
    assert_eq!(mark(Some(5), Some(4)), before(4));
    assert_eq!(mark(Some(3), Some(4)), before(3));
    assert_eq!(since(Some(day(5)), day(10)), day(5));
    assert_eq!(since(Some(day(5)), day(100)), day(69), "not for ever");
    assert_eq!(since(None, day(100)), day(69));
    let minute = Duration::from_mins(1);
    assert!(is_lost(&version(day(5)), minute, day(10)));
    assert!(!is_lost(&version(day(10)), minute, day(10)), "not lost yet");
}
