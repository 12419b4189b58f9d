//! The course of a release, by hand and by chance.

use proptest::prelude::*;

use super::*;

fn canary() -> Task {
    Task {
        work: Work::Canary {
            serving: "old".to_owned(),
        },
        job_behind: false,
    }
}

fn task(kind: u8, job_behind: bool) -> Task {
    let serving = "old".to_owned();
    let work = match kind {
        0 => Work::Nothing,
        1 => Work::Tidy { serving },
        2 => Work::First,
        _ => Work::Canary { serving },
    };
    Task { work, job_behind }
}

/// Runs all orders; `fails` says which fail, by their number.
fn run(machine: &mut Machine, mut each: impl FnMut(Order) -> bool) -> Vec<Order> {
    let mut orders = Vec::new();
    while let Some(order) = machine.order() {
        orders.push(order);
        assert!(orders.len() < 1000, "it ends");
        if each(order) {
            machine.done();
        } else {
            machine.failed("a reason".to_owned());
        }
    }
    orders
}

#[test]
fn two_functions_are_canaries_before_one_gets_requests() {
    use Order::{AwaitReady, Deploy, SetJob, Settle, Shift, Smoke, Soak};
    let mut machine = Machine::new(
        &[
            canary(),
            task(0, false),
            Task {
                job_behind: true,
                ..canary()
            },
        ],
        &[10, 100],
    );
    let orders = run(&mut machine, |_| true);
    let expected = [
        Deploy(0),
        Deploy(2),
        AwaitReady(0),
        AwaitReady(2),
        Smoke(0),
        Smoke(2),
        Shift(0, 10),
        Soak(0, 10),
        Shift(0, 100),
        Soak(0, 100),
        Settle(0),
        Shift(2, 10),
        Soak(2, 10),
        Shift(2, 100),
        Soak(2, 100),
        Settle(2),
        SetJob(2),
    ];
    assert_eq!(orders, expected);
    assert_eq!(machine.end(), End::Released);
}

#[test]
fn what_was_touched_last_goes_back_first() {
    let with_job = Task {
        job_behind: true,
        ..canary()
    };
    let mut machine = Machine::new(&[with_job, canary()], &[100]);
    let orders = run(&mut machine, |order| order != Order::Shift(1, 100));
    let back = [
        Order::TurnJobBack(0),
        Order::TurnBack(1),
        Order::TurnBack(0),
    ];
    assert!(orders.ends_with(&back), "{orders:?}");
    let failed = Failure {
        order: Order::Shift(1, 100),
        why: "a reason".to_owned(),
    };
    assert_eq!(machine.end(), End::TurnedBack { failed });
}

#[test]
fn one_that_cannot_go_back_does_not_keep_the_others() {
    let mut machine = Machine::new(&[canary(), canary()], &[100]);
    let fails = [Order::Smoke(0), Order::TurnBack(1)];
    let orders = run(&mut machine, |order| !fails.contains(&order));
    assert_eq!(orders.last(), Some(&Order::TurnBack(0)));
    let End::Stuck { left, .. } = machine.end() else {
        panic!("it is stuck");
    };
    assert_eq!(left.len(), 1);
}

/// How far a new revision has come.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Come {
    NoWay,
    Ready,
    Smoked,
}

/// A service: which share of the requests its new revision has, and how far that has come.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Service {
    new: u32,
    come: Come,
    touched: bool,
    job_is_new: bool,
}

impl Service {
    fn smoked(self) -> bool {
        self.come == Come::Smoked
    }
}

/// What an order does to a service, where it does something.
fn apply(service: &mut Service, order: Order, first: bool) {
    match order {
        Order::Deploy(_) => service.new = if first { 100 } else { 0 },
        Order::AwaitReady(_) => service.come = Come::Ready,
        Order::Smoke(_) => {
            assert!(service.come >= Come::Ready, "asked before it is ready");
            service.come = Come::Smoked;
        }
        Order::Shift(_, percent) => service.new = percent,
        Order::Settle(_) => service.new = 100,
        Order::TurnBack(_) => service.new = 0,
        Order::SetJob(_) => service.job_is_new = true,
        Order::TurnJobBack(_) => service.job_is_new = false,
        Order::Soak(..) => {}
    }
    service.touched = true;
}

fn number(order: Order) -> usize {
    match order {
        Order::Deploy(it)
        | Order::AwaitReady(it)
        | Order::Smoke(it)
        | Order::Shift(it, _)
        | Order::Soak(it, _)
        | Order::Settle(it)
        | Order::SetJob(it)
        | Order::TurnBack(it)
        | Order::TurnJobBack(it) => it,
    }
}

proptest! {
    /// Whatever fails at whatever step, with or without its effect.
    #[test]
    fn every_service_ends_wholly_old_or_wholly_new(
        kinds in prop::collection::vec((0_u8..5, any::<bool>()), 1..5),
        fails_at in 0_usize..60,
        has_effect in any::<bool>(),
    ) {
        let tasks: Vec<Task> = kinds.iter().map(|(kind, job)| task(*kind, *job)).collect();
        let mut machine = Machine::new(&tasks, &[10, 50, 100]);
        let fresh = Service { new: 0, come: Come::NoWay, touched: false, job_is_new: false };
        let mut services = vec![fresh; tasks.len()];
        let is_canary = |task: &Task| matches!(task.work, Work::Canary { .. });
        let mut count = 0;
        let mut failed = false;
        while let Some(order) = machine.order() {
            let at = number(order);
            let fails = count == fails_at;
            count += 1;
            // An order to wait or to prove has no effect unless it succeeds.
            let waits = matches!(order, Order::AwaitReady(_) | Order::Smoke(_) | Order::Soak(..));
            let takes_place = !fails || (has_effect && !waits);
            // A second failure is another test's: on the way back nothing fails here.
            if machine.is_turning_back() {
                apply(&mut services[at], order, false);
                machine.done();
                continue;
            }
            if takes_place {
                apply(&mut services[at], order, tasks[at].work == Work::First);
            } else {
                services[at].touched = true;
            }
            for (service, task) in services.iter().zip(&tasks) {
                if is_canary(task) && service.new > 0 {
                    prop_assert!(service.smoked(), "requests before it is ready");
                    let all = services.iter().zip(&tasks).all(|(it, task)| !is_canary(task) || it.smoked());
                    prop_assert!(all, "requests before all proved themselves");
                }
            }
            if fails {
                failed = true;
                machine.failed("a reason".to_owned());
            } else {
                machine.done();
            }
        }
        for (service, task) in services.iter().zip(&tasks) {
            match (&task.work, failed) {
                (Work::Nothing, _) => {
                    prop_assert!(service.new == 0 && !service.smoked());
                    prop_assert!(task.job_behind || !service.touched, "it was touched");
                }
                (Work::Tidy { .. } | Work::First, _) => {}
                (Work::Canary { .. }, true) => prop_assert_eq!(service.new, 0),
                (Work::Canary { .. }, false) => prop_assert_eq!(service.new, 100),
            }
            prop_assert_eq!(service.job_is_new, task.job_behind && !failed);
        }
        prop_assert_eq!(machine.end() == End::Released, !failed);
    }
}
