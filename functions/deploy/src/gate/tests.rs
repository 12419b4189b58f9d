//! Verdicts against policies, and against the model that serves now.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use shared::{
    evaluation::{AgainstServing, Comparison},
    recipe::CanaryRecipe,
    route::{
        self, Evidence, Target,
        canary::{CanaryOrder, start},
    },
};

fn evidence(tuned_mean: f64, sample: &str) -> Evidence {
    Evidence {
        metric: "rougeL".into(),
        sample: sample.into(),
        tuned_mean,
        verdict: None,
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
        base: None,
        evidence,
    };
    route::promote(Route::new("gemini"), target, "", DateTime::UNIX_EPOCH)
}

#[track_caller]
fn check(summary: &Evaluation, policy: Gate, route: &Route, promoted: bool, expected: &str) {
    let (found, reason) = match decide("new", summary, policy, route, Age::Newer) {
        GateOutcome::Promote { reason } => (true, reason),
        GateOutcome::Keep { reason } => (false, reason),
        GateOutcome::Compare => (false, "compare".to_owned()),
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

fn against(verdict: Verdict, endpoint: &str) -> Evaluation {
    let serving = AgainstServing {
        endpoint: endpoint.into(),
        verdict,
        reason: "on the same rows".into(),
        ..AgainstServing::default()
    };
    Evaluation {
        serving: Some(serving),
        ..summary(Verdict::Better, 0.6)
    }
}

#[test]
fn it_must_pass_against_the_model_that_serves() {
    let old = serving("old", Some(evidence(0.63, "rows")));
    let check = |verdict, policy, promoted, expected| {
        check(&against(verdict, "e"), policy, &old, promoted, expected);
    };
    check(Verdict::Better, Gate::Better, true, "promoted");
    check(Verdict::Worse, Gate::Better, false, "worse");
    check(Verdict::CannotTell, Gate::Better, false, "cannot tell");
    check(Verdict::NotWorse, Gate::Better, false, "only not worse");
    check(Verdict::NotWorse, Gate::NotWorse, true, "promoted");
    check(Verdict::RuledOut, Gate::NotWorse, false, "same rows");
    check(Verdict::Undecided, Gate::NotWorse, false, "same rows");
}

#[test]
fn a_model_that_was_not_compared_with_the_one_that_serves_is_compared_first() {
    let old = serving("old", Some(evidence(0.1, "rows")));
    let outcome = |evaluation: &Evaluation, route: &Route| {
        decide("new", evaluation, Gate::Better, route, Age::Newer)
    };
    let alone = summary(Verdict::Better, 0.6);
    assert_eq!(outcome(&alone, &old), GateOutcome::Compare);
    let other = against(Verdict::Better, "another endpoint");
    assert_eq!(outcome(&other, &old), GateOutcome::Compare);
    // It was compared with a model that does not serve any more: the base model does.
    let base = Route::new("gemini");
    check(&other, Gate::Better, &base, true, "promoted");
}

#[test]
fn models_that_are_each_a_little_worse_do_not_add_up() {
    let mut old = serving("old", Some(evidence(0.6, "rows")));
    let last = old.target.as_mut().and_then(|it| it.evidence.as_mut());
    last.unwrap().verdict = Some("not_worse".to_owned());
    let policy = Gate::NotWorse;
    check(
        &against(Verdict::NotWorse, "e"),
        policy,
        &old,
        false,
        "only",
    );
    check(&against(Verdict::Better, "e"), policy, &old, true, "");
}

#[test]
fn a_person_and_a_newer_run_go_first() {
    let new = against(Verdict::Better, "e");
    let old = serving("old", None);
    let held = route::held(old.clone(), "ada", "complaints", DateTime::UNIX_EPOCH);
    check(&new, Gate::Better, &held, false, "ada holds the route");
    check(
        &new,
        Gate::Better,
        &Route { hold: None, ..held },
        true,
        "promoted",
    );
    let older = decide("new", &new, Gate::Better, &old, Age::Older);
    let GateOutcome::Keep { reason } = older else {
        panic!("{older:?}");
    };
    assert!(reason.contains("newer run"), "{reason}");
    let again = serving("new", None);
    check(&new, Gate::Better, &again, false, "already");
}

/// The model of `run` on trial beside the base model.
fn tried(run: &str) -> Route {
    let target = Target {
        run: run.into(),
        ..serving("old", None).target.unwrap()
    };
    let order = CanaryOrder {
        by: None,
        reason: "",
        at: DateTime::UNIX_EPOCH,
    };
    let plan = CanaryRecipe::default().plan(None);
    let model = "support".parse().unwrap();
    start(Route::new("gemini"), &model, target, plan, order)
}

#[test]
fn a_run_on_trial_is_not_decided_again_and_only_a_newer_one_takes_its_place() {
    let better = summary(Verdict::Better, 0.6);
    let (own, other) = (tried("new"), tried("other"));
    check(&better, Gate::Better, &own, false, "some of the callers");
    check(&better, Gate::Better, &other, true, "promoted");
    let older = decide("new", &better, Gate::Better, &other, Age::Older);
    let is_kept = matches!(&older, GateOutcome::Keep { reason } if reason.contains("newer run"));
    assert!(is_kept, "{older:?}");
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
        (first, second) in (verdict(), verdict()),
        policy in prop_oneof![Just(Gate::Better), Just(Gate::NotWorse)],
        serves: bool,
    ) {
        let route = if serves { serving("old", None) } else { Route::new("gemini") };
        let evaluation = |serving: usize, base: usize| Evaluation {
            verdict: VERDICTS[base].clone(),
            ..against(VERDICTS[serving].clone(), "e")
        };
        let worse = evaluation(one.min(other), first.min(second));
        let better = evaluation(one.max(other), first.max(second));
        let promotes = |it: &Evaluation| matches!(decide("new", it, policy, &route, Age::Newer), GateOutcome::Promote { .. });
        prop_assert!(promotes(&better) || !promotes(&worse));
    }
}
