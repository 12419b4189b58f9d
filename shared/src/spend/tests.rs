//! No order of calls passes a cap.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

const CAPS: Caps = Caps {
    day: Usd(100),
    month: Usd(250),
};

fn at(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

fn cost(job: &str, usd: u64) -> [(String, Usd); 1] {
    [(job.to_owned(), Usd(usd))]
}

#[track_caller]
fn check_rounding(dollars: f64, up: Option<u64>, down: Option<u64>) {
    assert_eq!(Usd::rounded_up(dollars), up.map(Usd), "{dollars}");
    assert_eq!(Usd::rounded_down(dollars), down.map(Usd), "{dollars}");
}

#[test]
fn prices_are_rounded_up_and_caps_down() {
    check_rounding(0.0, Some(0), Some(0));
    // 0.29 × 10⁶ is not whole in binary: noise, which rounds neither way.
    check_rounding(0.29, Some(290_000), Some(290_000));
    check_rounding(0.000_000_1, Some(1), Some(0));
    check_rounding(
        1e9,
        Some(1_000_000_000_000_000),
        Some(1_000_000_000_000_000),
    );
    for dollars in [-0.01, 1e12, f64::NAN, f64::INFINITY] {
        check_rounding(dollars, None, None);
    }
}

#[test]
fn a_cap_that_would_be_passed_is_named_with_what_is_left() {
    let mut month = SpendMonth::new("1970-01");
    month.reserve("a.1", Usd(60), CAPS, at(0)).unwrap();
    let over = month.reserve("b.1", Usd(41), CAPS, at(0)).unwrap_err();
    assert_eq!(
        (over.limit, over.left),
        (SpendLimit::Day(Usd(100)), Usd(40))
    );
    // The next day has its own cap, and the month's remains.
    month.reserve("b.1", Usd(100), CAPS, at(1)).unwrap();
    let over = month.reserve("c.1", Usd(91), CAPS, at(2)).unwrap_err();
    assert_eq!(
        (over.limit, over.left, over.needed),
        (SpendLimit::Month(Usd(250)), Usd(90), Usd(91))
    );
    let over = OverCap {
        limit: SpendLimit::Month(Usd(3_000_000_000)),
        left: Usd(1_500_000),
        needed: Usd(12_000_000),
    };
    assert_eq!(
        over.to_string(),
        "needs $12.00, and of spend.month_usd = $3000.00 $1.50 is left"
    );
}

#[test]
fn a_reservation_is_made_once_raised_by_its_difference_and_settled_once() {
    let mut month = SpendMonth::new("1970-01");
    for _ in 0..2 {
        month.reserve("a.1", Usd(60), CAPS, at(0)).unwrap();
        assert_eq!(month.total(), Usd(60));
    }
    month.raise("a.1", Usd(100), CAPS, at(0)).unwrap();
    let over = month.raise("a.1", Usd(101), CAPS, at(0)).unwrap_err();
    assert_eq!((over.left, over.needed), (Usd(0), Usd(1)));
    assert!(month.settle("a.1", &cost("j", 30), true, at(3)));
    assert!(!month.settle("a.1", &cost("j", 90), false, at(3)));
    assert!(!month.release("a.1", 2), "what was paid stays");
    assert_eq!(month.total_of(at(0).date_naive()), Usd(30));
    // After its end a late delivery changes nothing.
    month.reserve("a.1", Usd(99), CAPS, at(3)).unwrap();
    assert_eq!(month.total(), Usd(30));
}

#[test]
fn a_late_release_does_not_take_away_a_later_reservation() {
    let mut month = SpendMonth::new("1970-01");
    let first = month.reserve("a.1", Usd(60), CAPS, at(0)).unwrap();
    let second = month.reserve("a.1", Usd(60), CAPS, at(0)).unwrap();
    month.raise("a.1", Usd(70), CAPS, at(0)).unwrap();
    assert!(!month.release("a.1", first));
    assert_eq!(month.total(), Usd(70));
    assert!(month.release("a.1", second));
    assert_eq!(month.total(), Usd::ZERO);
}

#[test]
fn a_job_beyond_the_reservation_counts_at_once_and_is_added_at_its_end() {
    let mut month = SpendMonth::new("1970-01");
    month.reserve("a.1", Usd(60), CAPS, at(0)).unwrap();
    assert!(month.count("a.1", "second", Usd(60), at(0)));
    assert!(!month.count("a.1", "second", Usd(90), at(0)), "once");
    assert_eq!(month.total(), Usd(120), "whatever the cap: the job exists");
    let over = month.reserve("b.1", Usd(1), CAPS, at(0)).unwrap_err();
    assert_eq!(over.left, Usd(0));
    assert!(month.settle("a.1", &cost("first", 50), false, at(1)));
    assert_eq!(month.total(), Usd(110));
    assert!(month.settle("a.1", &cost("second", 20), true, at(1)));
    assert!(
        !month.settle("a.1", &cost("second", 30), true, at(1)),
        "the first stays"
    );
    assert!(
        !month.count("a.1", "second", Usd(60), at(1)),
        "it is settled"
    );
    // One that no reservation is left for.
    assert!(month.count("c.1", "third", Usd(9), at(1)));
    let entry = &month.entries["c.1"];
    assert_eq!(
        (entry.reserved, entry.settled, entry.counted()),
        (Usd(0), None, Usd(9))
    );
    assert!(month.settle("c.1", &cost("third", 4), true, at(1)));
    assert_eq!(month.total(), Usd(74));
    let json = serde_json::to_value(&month).unwrap();
    assert_eq!(json["entries"]["a.1"]["costs_micros"]["second"], 20);
    assert_eq!(serde_json::from_value::<SpendMonth>(json).unwrap(), month);
}

#[test]
fn the_cost_of_a_later_job_is_added_to_a_settlement_without_names() {
    let entry = serde_json::json!({"day": "1970-01-01", "reserved_micros": 60, "settled_micros": 50, "at": at(0)});
    let month = serde_json::json!({"month": "1970-01", "entries": {"a.1": entry}});
    let mut month: SpendMonth = serde_json::from_value(month).unwrap();
    assert!(month.settle("a.1", &cost("late", 20), true, at(1)));
    assert_eq!(month.total(), Usd(70));
}

#[test]
fn a_month_has_a_limit_of_entries() {
    let mut month = SpendMonth::new("1970-01");
    for index in 0..ENTRIES_MAX {
        let key = index.to_string();
        month.reserve(&key, Usd(0), CAPS, at(0)).unwrap();
    }
    let over = month.reserve("one more", Usd(0), CAPS, at(0)).unwrap_err();
    assert_eq!(over.limit, SpendLimit::Entries);
    month.reserve("0", Usd(1), CAPS, at(0)).unwrap();
}

#[test]
fn a_month_is_read_back_as_written() {
    let mut month = SpendMonth::new(month_of(at(40)));
    assert_eq!(month.month, "1970-02");
    month.reserve("a-b-c.1", Usd(60), CAPS, at(40)).unwrap();
    let json = serde_json::to_value(&month).unwrap();
    assert_eq!(json["entries"]["a-b-c.1"]["reserved_micros"], 60);
    assert_eq!(json["entries"]["a-b-c.1"]["day"], "1970-02-10");
    assert_eq!(serde_json::from_value::<SpendMonth>(json).unwrap(), month);
}

/// One call, of any run, on any day, in any order.
#[derive(Debug, Clone)]
enum Call {
    Reserve(u8, u64),
    Raise(u8, u64),
    Settle(u8, u64),
    Count(u8, u64),
    Release(u8, u64),
}

fn call() -> impl Strategy<Value = Call> {
    let (run, usd) = (0_u8..6, 0_u64..160);
    prop_oneof![
        (run.clone(), usd.clone()).prop_map(|(run, usd)| Call::Reserve(run, usd)),
        (run.clone(), usd.clone()).prop_map(|(run, usd)| Call::Raise(run, usd)),
        (run.clone(), usd.clone()).prop_map(|(run, usd)| Call::Settle(run, usd)),
        (run.clone(), usd).prop_map(|(run, usd)| Call::Count(run, usd)),
        (run, 0_u64..4).prop_map(|(run, revision)| Call::Release(run, revision)),
    ]
}

proptest! {
    #[test]
    fn no_order_of_calls_passes_a_cap(calls in prop::collection::vec((call(), 0_i64..3), 0..60)) {
        let mut month = SpendMonth::new("1970-01");
        for (call, day) in calls {
            let before = month.clone();
            // A job beyond a reservation exists, and so does what was paid for it: nothing forbids that.
            let may_grow = matches!(call, Call::Count(..));
            let changed = match call {
                Call::Reserve(run, usd) => {
                    month.reserve(&run.to_string(), Usd(usd), CAPS, at(day)).is_ok()
                }
                Call::Raise(run, usd) => {
                    month.raise(&run.to_string(), Usd(usd), CAPS, at(day)).is_ok()
                }
                // A job is stopped before it costs more than its reservation.
                Call::Settle(run, usd) => {
                    let key = run.to_string();
                    let most = before.entries.get(&key).map_or(0, |entry| entry.reserved.0);
                    month.settle(&key, &cost("j", usd.min(most)), false, at(day))
                }
                Call::Count(run, usd) => month.count(&run.to_string(), "k", Usd(usd), at(day)),
                Call::Release(run, revision) => month.release(&run.to_string(), revision),
            };
            if !changed {
                prop_assert_eq!(&month, &before, "a refusal changes nothing");
            }
            // The most that was ever at stake, what is settled below its reservation included.
            let holds = |total: Usd, before: Usd, cap: Usd| may_grow || total <= cap.max(before);
            prop_assert!(holds(month.total(), before.total(), CAPS.month));
            for day in 0..3 {
                let day = at(day).date_naive();
                prop_assert!(holds(month.total_of(day), before.total_of(day), CAPS.day));
            }
            for (key, entry) in &before.entries {
                let after = month.entries.get(key);
                for (job, usd) in &entry.costs {
                    let paid = after.and_then(|after| after.costs.get(job));
                    prop_assert_eq!(paid, Some(usd), "what was paid stays");
                }
            }
        }
    }
}
