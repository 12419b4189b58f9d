//! The sequence of a release: chosen cases, and random ones.

use proptest::prelude::*;

use super::*;

fn canary() -> ComponentPlan {
    ComponentPlan {
        change: ServiceChange::Canary {
            serving: "old".to_owned(),
        },
        job_outdated: false,
    }
}

fn plan(kind: u8, job_outdated: bool) -> ComponentPlan {
    let serving = "old".to_owned();
    let change = match kind {
        0 => ServiceChange::None,
        1 => ServiceChange::TrafficOnly { serving },
        2 => ServiceChange::FirstRevision,
        _ => ServiceChange::Canary { serving },
    };
    ComponentPlan {
        change,
        job_outdated,
    }
}

/// Runs all actions; `fails` says which fail, by their number.
fn run(sequencer: &mut Sequencer, mut each: impl FnMut(Action) -> bool) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(action) = sequencer.next_action() {
        actions.push(action);
        assert!(actions.len() < 1000, "it ends");
        if each(action) {
            sequencer.done();
        } else {
            sequencer.failed("a reason".to_owned());
        }
    }
    actions
}

#[test]
fn every_function_is_a_canary_before_any_gets_requests() {
    use Action::{AwaitReady, Deploy, Finish, SetJob, Shift, SmokeTest, Soak};
    let mut sequencer = Sequencer::new(
        &[
            canary(),
            plan(0, false),
            ComponentPlan {
                job_outdated: true,
                ..canary()
            },
        ],
        &[10, 100],
    );
    let actions = run(&mut sequencer, |_| true);
    let expected = [
        Deploy(0),
        Deploy(2),
        AwaitReady(0),
        AwaitReady(2),
        SmokeTest(0),
        SmokeTest(2),
        Shift(0, 10),
        Soak(0, 10),
        Shift(0, 100),
        Soak(0, 100),
        Finish(0),
        Shift(2, 10),
        Soak(2, 10),
        Shift(2, 100),
        Soak(2, 100),
        Finish(2),
        SetJob(2),
    ];
    assert_eq!(actions, expected);
    assert_eq!(sequencer.end(), ReleaseEnd::Released);
}

#[test]
fn the_last_changed_is_rolled_back_first() {
    let with_job = ComponentPlan {
        job_outdated: true,
        ..canary()
    };
    let mut sequencer = Sequencer::new(&[with_job, canary()], &[100]);
    let actions = run(&mut sequencer, |action| action != Action::Shift(1, 100));
    let back = [
        Action::RollJobBack(0),
        Action::RollBack(1),
        Action::RollBack(0),
    ];
    assert!(actions.ends_with(&back), "{actions:?}");
    let failed = FailedAction {
        action: Action::Shift(1, 100),
        why: "a reason".to_owned(),
    };
    assert_eq!(sequencer.end(), ReleaseEnd::RolledBack { failed });
}

#[test]
fn a_rollback_that_fails_does_not_stop_the_others() {
    let mut sequencer = Sequencer::new(&[canary(), canary()], &[100]);
    let fails = [Action::SmokeTest(0), Action::RollBack(1)];
    let actions = run(&mut sequencer, |action| !fails.contains(&action));
    assert_eq!(actions.last(), Some(&Action::RollBack(0)));
    let ReleaseEnd::RollbackFailed { left, .. } = sequencer.end() else {
        panic!("the rollback did not fail");
    };
    assert_eq!(left.len(), 1);
}

/// How far a new revision got.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Progress {
    None,
    Ready,
    SmokeTested,
}

/// A service: which share of the requests its new revision has, and how far that revision got.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SimulatedService {
    new: u32,
    progress: Progress,
    changed: bool,
    job_is_new: bool,
}

impl SimulatedService {
    fn passed_smoke_test(self) -> bool {
        self.progress == Progress::SmokeTested
    }
}

/// What an action does to a service, where it does something.
fn apply(service: &mut SimulatedService, action: Action, first: bool) {
    match action {
        Action::Deploy(_) => service.new = if first { 100 } else { 0 },
        Action::AwaitReady(_) => service.progress = Progress::Ready,
        Action::SmokeTest(_) => {
            assert!(
                service.progress >= Progress::Ready,
                "tested before it is ready"
            );
            service.progress = Progress::SmokeTested;
        }
        Action::Shift(_, percent) => service.new = percent,
        Action::Finish(_) => service.new = 100,
        Action::RollBack(_) => service.new = 0,
        Action::SetJob(_) => service.job_is_new = true,
        Action::RollJobBack(_) => service.job_is_new = false,
        Action::Soak(..) => {}
    }
    service.changed = true;
}

fn number(action: Action) -> usize {
    match action {
        Action::Deploy(it)
        | Action::AwaitReady(it)
        | Action::SmokeTest(it)
        | Action::Shift(it, _)
        | Action::Soak(it, _)
        | Action::Finish(it)
        | Action::SetJob(it)
        | Action::RollBack(it)
        | Action::RollJobBack(it) => it,
    }
}

proptest! {
    /// Whatever fails, at whatever step, whether or not it had its effect.
    #[test]
    fn every_service_ends_wholly_old_or_wholly_new(
        kinds in prop::collection::vec((0_u8..5, any::<bool>()), 1..5),
        fails_at in 0_usize..60,
        has_effect in any::<bool>(),
    ) {
        let plans: Vec<ComponentPlan> = kinds.iter().map(|(kind, job)| plan(*kind, *job)).collect();
        let mut sequencer = Sequencer::new(&plans, &[10, 50, 100]);
        let fresh = SimulatedService { new: 0, progress: Progress::None, changed: false, job_is_new: false };
        let mut services = vec![fresh; plans.len()];
        let is_canary = |plan: &ComponentPlan| matches!(plan.change, ServiceChange::Canary { .. });
        let mut count = 0;
        let mut failed = false;
        while let Some(action) = sequencer.next_action() {
            let at = number(action);
            let fails = count == fails_at;
            count += 1;
            // An action that waits or tests has no effect unless it succeeds.
            let waits = matches!(action, Action::AwaitReady(_) | Action::SmokeTest(_) | Action::Soak(..));
            let takes_place = !fails || (has_effect && !waits);
            // Here nothing fails during the rollback; that is another test.
            if sequencer.is_rolling_back() {
                apply(&mut services[at], action, false);
                sequencer.done();
                continue;
            }
            if takes_place {
                apply(&mut services[at], action, plans[at].change == ServiceChange::FirstRevision);
            } else {
                services[at].changed = true;
            }
            for (service, plan) in services.iter().zip(&plans) {
                if is_canary(plan) && service.new > 0 {
                    prop_assert!(service.passed_smoke_test(), "requests before its smoke test");
                    let all = services.iter().zip(&plans).all(|(it, plan)| !is_canary(plan) || it.passed_smoke_test());
                    prop_assert!(all, "requests before every smoke test");
                }
            }
            if fails {
                failed = true;
                sequencer.failed("a reason".to_owned());
            } else {
                sequencer.done();
            }
        }
        for (service, plan) in services.iter().zip(&plans) {
            match (&plan.change, failed) {
                (ServiceChange::None, _) => {
                    prop_assert!(service.new == 0 && !service.passed_smoke_test());
                    prop_assert!(plan.job_outdated || !service.changed, "changed without a reason");
                }
                (ServiceChange::TrafficOnly { .. } | ServiceChange::FirstRevision, _) => {}
                (ServiceChange::Canary { .. }, true) => prop_assert_eq!(service.new, 0),
                (ServiceChange::Canary { .. }, false) => prop_assert_eq!(service.new, 100),
            }
            prop_assert_eq!(service.job_is_new, plan.job_outdated && !failed);
        }
        prop_assert_eq!(sequencer.end() == ReleaseEnd::Released, !failed);
    }
}
