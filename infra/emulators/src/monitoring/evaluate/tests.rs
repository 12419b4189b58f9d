//! Tables of points and the incidents that policies make of them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{super::series::Point, *};

const STEP_S: i64 = 30;

fn policy(threshold: &Value, strategy: &Value) -> AlertPolicy {
    let mut condition = json!({
        "filter": "metric.type=\"custom.googleapis.com/gap\" AND resource.type=\"global\"",
        "comparison": "COMPARISON_GT",
        "thresholdValue": 0.5,
        "duration": "0s",
    });
    let extra = threshold.as_object().unwrap().clone();
    condition.as_object_mut().unwrap().extend(extra);
    let policy = json!({
        "name": "projects/p/alertPolicies/1",
        "displayName": "gap",
        "conditions": [{ "name": "c", "displayName": "c", "conditionThreshold": condition }],
        "alertStrategy": strategy,
    });
    AlertPolicy::parse(&policy).unwrap()
}

/// Rows are (run, second, value); expected are (second, run, opened or closed).
#[track_caller]
fn check(
    policy: &AlertPolicy,
    rows: &[(&str, i64, f64)],
    until_s: i64,
    expected: &[(i64, &str, &str)],
) {
    let start = DateTime::UNIX_EPOCH;
    let mut all = AllSeries::default();
    for &(run, second, value) in rows {
        let labels = BTreeMap::from([("run_id".to_owned(), run.to_owned())]);
        let key = SeriesKey::new("custom.googleapis.com/gap", labels, &Value::Null);
        let at = start + TimeDelta::seconds(second);
        all.add(key, Point { at, value });
    }
    let mut states = SeriesStates::new();
    let mut seen = Vec::new();
    for second in (0..=until_s).step_by(usize::try_from(STEP_S).unwrap()) {
        let now = start + TimeDelta::seconds(second);
        for transition in evaluate(policy, &all, &mut states, now) {
            let run = transition.key.metric_labels.get("run_id").cloned();
            let what = transition.ended.map_or("opened", |_| "closed");
            seen.push((second, run.unwrap_or_default(), what));
        }
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|(at, run, what)| (*at, run.as_str(), *what))
        .collect();
    assert_eq!(seen, expected, "{rows:?}");
}

#[test]
fn each_series_has_its_own_incident_that_opens_once_and_closes() {
    let policy = policy(&json!({}), &json!({}));
    check(
        &policy,
        &[
            ("a", 20, 0.6),
            ("a", 50, 0.7),
            ("b", 50, 0.9),
            ("c", 50, 0.5),
            ("a", 100, 0.1),
        ],
        300,
        &[
            (30, "a", "opened"),
            (60, "b", "opened"),
            (120, "a", "closed"),
        ],
    );
}

#[test]
fn a_condition_must_hold_for_its_duration() {
    let policy = policy(&json!({ "duration": "120s" }), &json!({}));
    let steady = [("a", 10, 0.9), ("a", 70, 0.9), ("a", 130, 0.9)];
    check(&policy, &steady, 180, &[(150, "a", "opened")]);
    let broken = [("a", 10, 0.9), ("a", 70, 0.1), ("a", 130, 0.9)];
    check(&policy, &broken, 180, &[]);
}

#[test]
fn an_incident_without_data_closes_after_auto_close() {
    let strategy = json!({ "autoClose": "1800s" });
    let rows = [("a", 20, 0.9)];
    check(
        &policy(&json!({}), &strategy),
        &rows,
        3600,
        &[(30, "a", "opened"), (1860, "a", "closed")],
    );
    let inactive = json!({ "evaluationMissingData": "EVALUATION_MISSING_DATA_INACTIVE" });
    check(
        &policy(&inactive, &strategy),
        &rows,
        3600,
        &[(30, "a", "opened"), (90, "a", "closed")],
    );
}

#[test]
fn series_are_reduced_to_their_group() {
    let aggregation = |reducer: &str, group: Value| {
        json!({ "aggregations": [{
            "alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MAX",
            "crossSeriesReducer": reducer, "groupByFields": group,
        }] })
    };
    let rows = [("a", 20, 0.3), ("b", 20, 0.4)];
    let sum = policy(&aggregation("REDUCE_SUM", json!([])), &json!({}));
    check(&sum, &rows, 30, &[(30, "", "opened")]);
    let by_run = json!(["metric.label.run_id"]);
    let grouped = policy(&aggregation("REDUCE_SUM", by_run), &json!({}));
    check(&grouped, &rows, 30, &[]);
    let rows = [("a", 20, 0.3), ("b", 20, 0.8)];
    check(&grouped, &rows, 30, &[(30, "b", "opened")]);
}

#[test]
fn a_trigger_opens_only_with_its_count_of_series() {
    let two = policy(&json!({ "trigger": { "count": 2 } }), &json!({}));
    let rows = [("a", 20, 0.9), ("a", 50, 0.9), ("b", 50, 0.9)];
    check(&two, &rows, 60, &[(60, "a", "opened"), (60, "b", "opened")]);
    let all = policy(&json!({ "trigger": { "percent": 100.0 } }), &json!({}));
    check(&all, &[("a", 20, 0.9), ("b", 20, 0.1)], 60, &[]);
}

#[test]
fn a_policy_outside_the_subset_is_refused() {
    let parse = |condition: Value| {
        AlertPolicy::parse(&json!({
            "name": "projects/p/alertPolicies/1", "displayName": "x", "conditions": [condition],
        }))
        .map_err(|error| error.status)
        .err()
    };
    let sql = json!({ "displayName": "c", "conditionSql": {} });
    assert_eq!(parse(sql), Some("UNIMPLEMENTED"));
    let on_log = json!({ "conditionMatchedLog": { "filter": "severity=ERROR" } });
    assert_eq!(parse(on_log), Some("INVALID_ARGUMENT"), "no rate limit");
    let threshold = |filter: &str, comparison: &str, period: &str| {
        parse(json!({ "conditionThreshold": {
            "filter": filter, "comparison": comparison,
            "aggregations": [{ "alignmentPeriod": period }],
        } }))
    };
    let (whole, above) = ("metric.type=\"a\" resource.type=\"b\"", "COMPARISON_GT");
    assert_eq!(threshold(whole, above, "60s"), None);
    let refused = Some("INVALID_ARGUMENT");
    assert_eq!(threshold(whole, "COMPARISON_EQ", "60s"), refused);
    assert_eq!(threshold(whole, above, "30s"), refused);
    assert_eq!(threshold("metric.type=\"a\"", above, "60s"), refused);
    assert_eq!(threshold("resource.type=\"a\"", above, "60s"), refused);
}
