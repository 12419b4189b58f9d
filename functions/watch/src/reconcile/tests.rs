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
}

#[test]
fn an_upload_is_looked_for_once_it_should_be_recorded_and_for_a_week() {
    let hour = TimeDelta::hours(1);
    let found = |minutes: i64| may_be_lost(at(0), hour, at(minutes));
    let week = 7 * 24 * 60;
    let ages = [0, 60, 61, week - 1, week].map(found);
    assert_eq!(ages, [false, false, true, true, false]);
}

/// A run that ended with a model.
fn ended(extra: &Value) -> Run {
    let chosen = json!({"id": "3", "epoch": 3, "step": 3, "endpoint": "e"});
    let ended = json!({"state": "succeeded", "finish_published": true, "finished_at": at(1), "chosen": chosen});
    fixtures::run(&[&ended, extra])
}

fn evaluation(decided: bool) -> EvaluationRecord {
    let record = json!({"run": "a-b-c", "base": "b", "tuned": "t", "evaluation": {}, "decided": decided, "at": at(2)});
    serde_json::from_value(record).unwrap()
}

fn decision(extra: &Value) -> GateDecision {
    let mut record = json!({"run": "a-b-c", "model": "a", "promoted": true, "reason": "", "route_version": 4, "at": at(3),
        "target": {"run": "a-b-c", "model": "m", "endpoint": "e"}});
    let fields = record.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    serde_json::from_value(record).unwrap()
}

fn route(version: u64, is_held: bool) -> Route {
    let mut route = Route::new("base");
    route.version = version;
    let hold = json!({"by": "ada", "reason": "r", "since": at(0)});
    route.hold = is_held.then(|| serde_json::from_value(hold).unwrap());
    route
}

fn missing(step: ChainStep, since: i64) -> Aftermath {
    let since = at(since);
    Aftermath::Missing(MissingStep { step, since })
}

#[test]
fn what_follows_from_the_end_of_a_run_is_missed_step_by_step() {
    use Aftermath::{Complete, UnderWay};
    let run = ended(&json!({}));
    let none = json!({});
    let (decided, promoted) = (evaluation(true), decision(&none));
    let again = decision(&json!({"reopened_by": "ada"}));
    let kept = decision(&json!({"promoted": false}));
    let before = decision(&json!({"route_version": null}));
    #[rustfmt::skip]
    let cases = vec![
        (None, None, None, missing(ChainStep::Evaluation, 1)),
        (Some(evaluation(false)), None, None, UnderWay),
        (Some(decided.clone()), None, None, missing(ChainStep::Decision, 2)),
        (Some(decided.clone()), Some(again), None, missing(ChainStep::Decision, 2)),
        (Some(decided.clone()), Some(kept), None, Complete),
        (Some(decided.clone()), Some(promoted.clone()), Some(route(4, false)), missing(ChainStep::Route, 3)),
        (Some(decided.clone()), Some(promoted.clone()), None, missing(ChainStep::Route, 3)),
        (Some(decided.clone()), Some(promoted.clone()), Some(route(4, true)), Complete),
        (Some(decided.clone()), Some(promoted), Some(route(5, false)), Complete),
        // Before decisions were recorded first, the route had moved when there was one.
        (Some(decided), Some(before), Some(route(5, false)), Complete),
    ];
    for (evaluation, decision, route, expected) in cases {
        let (evaluation, decision) = (evaluation.as_ref(), decision.as_ref());
        let found = aftermath(&run, evaluation, decision, route.as_ref(), true);
        assert_eq!(found, expected, "{evaluation:?} {decision:?} {route:?}");
    }
}

#[test]
fn nothing_follows_from_a_run_without_a_model_nor_from_one_that_goes_on() {
    let found = |extra: Value| aftermath(&ended(&extra), None, None, None, true);
    assert_eq!(found(json!({"chosen": null})), Aftermath::Complete);
    let without = json!({"chosen": {"id": "3", "epoch": 3, "step": 3}});
    assert_eq!(found(without), Aftermath::Complete);
    assert_eq!(
        found(json!({"finish_published": false})),
        Aftermath::UnderWay
    );
    assert_eq!(found(json!({"state": "running"})), Aftermath::UnderWay);
    let stopped = found(json!({"state": "cancelled"}));
    assert_eq!(
        stopped,
        missing(ChainStep::Evaluation, 1),
        "a kept checkpoint"
    );
}

#[test]
fn each_missing_step_has_the_event_that_leads_to_it() {
    use ChainStep::{Decision, EndNotice, Evaluation, Route, VerdictNotice};
    let steps = [Evaluation, Decision, Route, EndNotice, VerdictNotice];
    let events = steps.map(|step| (step.topic(), step.follows_the_end()));
    let (ended, evaluated) = (("run-finished", true), ("run-evaluated", false));
    assert_eq!(events, [ended, evaluated, evaluated, ended, evaluated]);
}

#[test]
fn what_people_were_not_notified_of_comes_last() {
    let evaluated = evaluation(true);
    let unannounced = |run: &Run, evaluation, decision: Option<&GateDecision>, route| {
        aftermath(run, evaluation, decision, route, false)
    };
    let run = ended(&json!({}));
    let (kept, promoted) = (decision(&json!({"promoted": false})), decision(&json!({})));
    let route = route(4, false);
    let found = unannounced(&run, Some(&evaluated), None, None);
    assert_eq!(found, missing(ChainStep::Decision, 2));
    let found = unannounced(&run, Some(&evaluated), Some(&promoted), Some(&route));
    assert_eq!(found, missing(ChainStep::Route, 3));
    let found = unannounced(&run, Some(&evaluated), Some(&kept), None);
    assert_eq!(found, missing(ChainStep::VerdictNotice, 2));
    let found = unannounced(&ended(&json!({"chosen": null})), None, None, None);
    assert_eq!(found, missing(ChainStep::EndNotice, 1));
    let week = 7 * 24 * 60;
    assert_eq!(
        [week - 1, week].map(|minute| is_news(at(0), at(minute))),
        [true, false]
    );
}
