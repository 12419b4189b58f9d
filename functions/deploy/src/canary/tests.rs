//! Canaries whose callers fare well, badly and alike.

use proptest::prelude::*;
use shared::route::{
    Target,
    canary::{CALLERS_MAX, CanaryPlan},
};

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn canary(step: usize, state: CanaryState) -> Canary {
    Canary {
        id: "support-2".to_owned(),
        model: "support".parse().unwrap(),
        target: Target {
            run: "d-b-2".to_owned(),
            model: "m".to_owned(),
            endpoint: "e".to_owned(),
            base: None,
            evidence: None,
        },
        plan: CanaryPlan {
            steps: vec![10, 50, 100],
            harm_max: 0.05,
            window_s: 60,
            slow_ms: None,
            shadow: false,
        },
        step,
        is_shadow: false,
        state,
        callers_max: CALLERS_MAX,
        since: at(0),
    }
}

/// The caller number `n`: of ten, one is the canary's, each time another.
fn caller(n: usize, step: usize, bad: impl Fn(bool) -> u32) -> CallerOutcomes {
    let is_canary = n % 10 == n / 10 % 10;
    CallerOutcomes {
        caller: format!("{step}-{n:06}"),
        is_canary,
        step,
        first_at: at(i64::try_from(n).unwrap() / 100),
        answers: 4,
        bad: bad(is_canary),
        failed: 0,
        slow: 0,
        shadow: None,
    }
}

fn report(callers: Vec<CallerOutcomes>) -> CanaryReport {
    CanaryReport {
        canary_id: "support-2".to_owned(),
        callers,
        expire_at: at(0),
    }
}

fn callers(count: usize, step: usize, bad: impl Fn(bool) -> u32) -> CanaryReport {
    report((0..count).map(|n| caller(n, step, &bad)).collect())
}

const LATER: i64 = 100_000;

fn verdict(canary: &Canary, reports: &[CanaryReport]) -> CanaryVerdict {
    judge(canary, &standing(canary, reports, at(LATER)))
}

#[track_caller]
fn check(canary: &Canary, reports: &[CanaryReport], expected: &str) {
    let found = match verdict(canary, reports) {
        CanaryVerdict::GoOn => "go on".to_owned(),
        CanaryVerdict::Advance(reason) => format!("advance: {reason}"),
        CanaryVerdict::RollBack(reason) => format!("roll back: {reason}"),
        CanaryVerdict::Wait(reason) => format!("wait: {reason}"),
    };
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn a_step_needs_enough_callers_and_bounded_harm() {
    let running = canary(0, CanaryState::Running);
    check(&running, &[], "go on");
    let healthy = |count| [callers(count, 0, |_| 0)];
    check(&running, &healthy(400), "go on");
    check(
        &running,
        &healthy(2_000),
        "advance: harm is below 5 points: 200 callers of the canary had 0.0 % bad answers, 1800 others 0.0 %",
    );
    // The bound is shown by the first step, but the second has few callers yet.
    let second = canary(1, CanaryState::Running);
    let few = callers(40, 1, |_| 0);
    check(&second, &[healthy(2_000)[0].clone(), few], "go on");
    let enough = callers(600, 1, |_| 0);
    check(&second, &[healthy(2_000)[0].clone(), enough], "advance");
}

#[test]
fn a_canary_that_fares_worse_is_rolled_back_even_where_it_is_paused() {
    for state in [
        CanaryState::Running,
        CanaryState::Paused,
        CanaryState::Waiting,
    ] {
        let worse = callers(400, 0, |is_canary| if is_canary { 2 } else { 0 });
        check(
            &canary(0, state),
            &[worse],
            "roll back: its callers fare worse: 40",
        );
    }
    // Both alike: drift, a hard question, a bad hour.
    let alike = callers(400, 0, |_| 2);
    check(&canary(0, CanaryState::Running), &[alike], "go on");
}

#[test]
fn each_kind_of_bad_answer_counts() {
    for kind in 0..3 {
        let mut report = callers(600, 0, |_| 0);
        for caller in report.callers.iter_mut().filter(|caller| caller.is_canary) {
            let count = [&mut caller.bad, &mut caller.failed, &mut caller.slow];
            *count.into_iter().nth(kind).unwrap() = 3;
        }
        check(&canary(0, CanaryState::Running), &[report], "roll back");
    }
}

#[test]
fn at_its_limit_a_person_decides() {
    // A quarter of the answers is bad from either model: the margin is too small for so few callers.
    let noisy = |n: usize| {
        let mixed = u32::try_from(n).unwrap().wrapping_mul(2_654_435_761) >> 16;
        if mixed % 4 == 0 { 4 } else { 0 }
    };
    let many = (0..3_000).map(|n| {
        let bad = noisy(n);
        caller(n, 0, move |_| bad)
    });
    let report = report(many.collect());
    let mut limited = canary(0, CanaryState::Running);
    limited.plan.harm_max = 0.001;
    limited.callers_max = 250;
    check(
        &limited,
        std::slice::from_ref(&report),
        "wait: after 300 callers",
    );
    limited.state = CanaryState::Waiting;
    check(&limited, &[report], "go on");
}

#[test]
fn in_the_shadow_each_caller_is_a_pair() {
    let pairs = |count, served: u32, shadow: u32| {
        let mut report = callers(count, 0, |_| served);
        for caller in &mut report.callers {
            caller.is_canary = false;
            let counts = ShadowCounts {
                bad: shadow,
                ..ShadowCounts::default()
            };
            caller.shadow = Some(counts);
        }
        [report]
    };
    let mut shadowed = canary(0, CanaryState::Running);
    shadowed.is_shadow = true;
    check(&shadowed, &pairs(40, 0, 0), "go on");
    check(
        &shadowed,
        &pairs(140, 0, 0),
        "advance: harm is below 5 points: 140 callers",
    );
    check(&shadowed, &pairs(140, 2, 0), "advance");
    check(&shadowed, &pairs(140, 0, 2), "roll back");
    // What was seen in the shadow is not counted again once callers get its answers.
    shadowed.is_shadow = false;
    check(&shadowed, &pairs(2_000, 0, 4), "go on");
}

#[test]
fn a_window_that_is_open_does_not_count_yet() {
    let running = canary(0, CanaryState::Running);
    let reports = [callers(1_000, 0, |_| 0)];
    let callers_at = |second| standing(&running, &reports, at(second)).canary_callers;
    assert_eq!(callers_at(60), 0);
    // One hundred callers a second; their windows end a minute later, and their reports another one.
    assert_eq!(callers_at(120), 10);
    assert_eq!(callers_at(124), 50);
    assert_eq!(callers_at(1_000), 100);
}

#[test]
fn a_caller_counts_once_where_it_was_first_answered() {
    let first = |n| caller(n, 0, |_| 1);
    let later = |n, seconds| CallerOutcomes {
        first_at: first(n).first_at + TimeDelta::seconds(seconds),
        bad: 3,
        ..first(n)
    };
    let merged = |callers: Vec<CallerOutcomes>| {
        let reports: Vec<CanaryReport> = callers.into_iter().map(|it| report(vec![it])).collect();
        let merged = callers::merged(&reports, TimeDelta::seconds(60));
        assert_eq!(merged.len(), 1);
        (merged[0].answers, merged[0].bad, merged[0].step)
    };
    assert_eq!(merged(vec![first(0)]), (4, 1, 0));
    assert_eq!(
        merged(vec![later(0, 59), first(0)]),
        (8, 4, 0),
        "two instances"
    );
    assert_eq!(merged(vec![first(0), later(0, 60)]), (4, 1, 0), "too late");
    let moved = CallerOutcomes {
        step: 1,
        is_canary: !first(0).is_canary,
        ..later(0, 5)
    };
    assert_eq!(merged(vec![moved, first(0)]), (4, 1, 0), "another step");
}

#[test]
fn a_block_has_one_seat_of_the_canary_or_more() {
    for (percent, callers) in [
        (1, 100),
        (5, 20),
        (10, 10),
        (20, 5),
        (25, 4),
        (50, 4),
        (99, 4),
        (0, 100),
    ] {
        assert_eq!(block_size(percent), callers, "{percent}");
    }
}

proptest! {
    #[test]
    fn the_order_of_reports_changes_nothing(turn in 0..30_usize, bad in 0..4_u32) {
        let running = canary(0, CanaryState::Running);
        let mut parts: Vec<CanaryReport> = callers(300, 0, |is_canary| if is_canary { bad } else { 1 })
            .callers
            .chunks(10)
            .map(|part| report(part.to_vec()))
            .collect();
        let before = standing(&running, &parts, at(LATER));
        parts.rotate_left(turn);
        prop_assert_eq!(standing(&running, &parts, at(LATER)), before);
    }

    /// A worse canary never goes on where a better one does not, and a better one never is rolled back where a
    /// worse one is not.
    #[test]
    fn a_better_canary_is_never_treated_worse(bad in 0..4_u32, count in 1..40_usize) {
        let running = canary(0, CanaryState::Running);
        let rank = |bad| {
            let report = callers(count * 50, 0, |is_canary| if is_canary { bad } else { 1 });
            match verdict(&running, &[report]) {
                CanaryVerdict::RollBack(_) => 0,
                CanaryVerdict::GoOn | CanaryVerdict::Wait(_) => 1,
                CanaryVerdict::Advance(_) => 2,
            }
        };
        prop_assert!(rank(bad) >= rank(bad + 1));
    }
}
