//! Verdicts against policies, and against the model that serves now.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use shared::{
    evaluation::Comparison,
    route::{self, Evidence, Target},
};

fn evidence(tuned_mean: f64, sample: &str) -> Evidence {
    Evidence {
        metric: "rougeL".into(),
        sample: sample.into(),
        tuned_mean,
    }
}

fn summary(verdict: Verdict, tuned_mean: f64) -> Evaluation {
    Evaluation {
        verdict,
        reason: "0.600 against 0.500".into(),
        more_rows_needed: Some(120),
        sample: "rows".into(),
        margin: 0.02,
        primary: Some("rougeL".into()),
        metrics: vec![Comparison {
            name: "rougeL".into(),
            tuned_mean,
            ..Comparison::default()
        }],
        ..Evaluation::default()
    }
}

fn serving(run: &str, evidence: Option<Evidence>) -> Route {
    let target = Target {
        run: run.into(),
        model: "m".into(),
        endpoint: "e".into(),
        evidence,
    };
    route::promote(Route::new("gemini"), target, "", DateTime::UNIX_EPOCH)
}

#[track_caller]
fn check(summary: &Evaluation, policy: Gate, route: &Route, promoted: bool, expected: &str) {
    let (found, reason) = match decide("new", summary, policy, route) {
        GateOutcome::Promote { reason } => (true, reason),
        GateOutcome::Keep { reason } => (false, reason),
    };
    assert_eq!(found, promoted, "{reason}");
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn the_policy_decides_what_must_be_proven() {
    let base = Route::new("gemini");
    check(
        &summary(Verdict::Better, 0.6),
        Gate::Better,
        &base,
        true,
        "0.600 against",
    );
    check(
        &summary(Verdict::Better, 0.6),
        Gate::NotWorse,
        &base,
        true,
        "",
    );
    check(
        &summary(Verdict::NotWorse, 0.6),
        Gate::Better,
        &base,
        false,
        "only not worse",
    );
    check(
        &summary(Verdict::NotWorse, 0.6),
        Gate::NotWorse,
        &base,
        true,
        "",
    );
    check(
        &summary(Verdict::CannotTell, 0.6),
        Gate::NotWorse,
        &base,
        false,
        "120 more rows",
    );
    check(
        &summary(Verdict::Worse, 0.6),
        Gate::NotWorse,
        &base,
        false,
        "worse",
    );
}

#[test]
fn a_model_worse_than_the_one_that_serves_is_refused() {
    let new = summary(Verdict::Better, 0.6);
    let policy = Gate::Better;
    check(
        &new,
        policy,
        &serving("old", Some(evidence(0.63, "rows"))),
        false,
        "0.630",
    );
    check(
        &new,
        policy,
        &serving("old", Some(evidence(0.615, "rows"))),
        true,
        "promoted",
    );
    check(
        &new,
        policy,
        &serving("old", Some(evidence(0.9, "others"))),
        true,
        "other rows",
    );
    check(&new, policy, &serving("old", None), true, "not compared");
    check(
        &new,
        policy,
        &serving("new", Some(evidence(0.1, "rows"))),
        false,
        "already",
    );
}

#[test]
fn an_evaluation_is_read_whatever_other_fields_it_has() {
    let document = |verdict: &str| {
        serde_json::json!({
            "schema": 1, "sample": "d", "rows": 40, "verdict": verdict, "reason": "why", "margin": 0.02,
            "primary": "exact", "base": {}, "invented_later": true,
            "metrics": [
                { "name": "rougeL", "rows": 40, "tuned_mean": 0.5 },
                { "name": "exact", "rows": 40, "tuned_mean": 0.75 },
            ],
        })
    };
    let summary: Evaluation = serde_json::from_value(document("not_worse")).unwrap();
    assert_eq!(summary.verdict, Verdict::NotWorse);
    let evidence = summary.evidence().unwrap();
    assert_eq!(
        (evidence.metric.as_str(), evidence.sample.as_str()),
        ("exact", "d")
    );
    assert!((evidence.tuned_mean - 0.75).abs() < 1e-12);
    // A verdict that this version does not know must not promote.
    let summary: Evaluation = serde_json::from_value(document("splendid")).unwrap();
    assert_eq!(summary.verdict, Verdict::Other("splendid".to_owned()));
    let base = Route::new("gemini");
    for policy in [Gate::Better, Gate::NotWorse] {
        check(&summary, policy, &base, false, "`splendid` is unknown");
    }
}

fn verdict() -> impl Strategy<Value = usize> {
    0..VERDICTS.len()
}

const VERDICTS: [Verdict; 4] = [
    Verdict::Worse,
    Verdict::CannotTell,
    Verdict::NotWorse,
    Verdict::Better,
];

proptest! {
    #[test]
    fn a_better_evaluation_never_turns_a_promotion_into_a_refusal(
        (one, other) in (verdict(), verdict()),
        (mean, more) in (0.0..1.0_f64, 0.0..1.0_f64),
        policy in prop_oneof![Just(Gate::Better), Just(Gate::NotWorse)],
        incumbent in proptest::option::of(proptest::option::of(0.0..1.0_f64)),
    ) {
        let route = match incumbent {
            Some(mean) => serving("old", mean.map(|mean| evidence(mean, "rows"))),
            None => Route::new("gemini"),
        };
        let worse = summary(VERDICTS[one.min(other)].clone(), mean);
        let better = summary(VERDICTS[one.max(other)].clone(), mean + more);
        let promotes = |summary: &Evaluation| matches!(decide("new", summary, policy, &route), GateOutcome::Promote { .. });
        prop_assert!(promotes(&better) || !promotes(&worse));
    }
}
