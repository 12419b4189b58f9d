//! Whole comparisons: when they stop, what they claim, and that a better row never takes a claim away.

use proptest::prelude::*;

use super::*;

fn plan(rows: usize, kind: RowScoreKind, design: Design) -> ComparisonPlan {
    ComparisonPlan {
        rows,
        added: 0,
        kind,
        design,
        margin: 0.05,
        accepts_not_worse: false,
        candidates: 1,
    }
}

fn finding(plan: ComparisonPlan, differences: &[f64]) -> ComparisonFinding {
    let mut comparison = Sequential::new(plan);
    for difference in differences {
        comparison.add(*difference);
    }
    comparison.finding()
}

#[test]
fn a_comparison_stops_when_something_is_proven_and_stays_there() {
    let mut comparison = Sequential::new(plan(200, RowScoreKind::Binary, Design::Sequential));
    for _row in 0..9 {
        assert!(!comparison.is_over());
        comparison.add(1.0);
    }
    let settled = Settled {
        claim: ProvenClaim::Better,
        rows: 9,
    };
    assert_eq!(comparison.settled(), Some(settled));
    (0..50).for_each(|_row| comparison.add(-1.0));
    assert_eq!(comparison.finding().claim, Some(ProvenClaim::Better));
    assert_eq!(comparison.finding().rows, 9);
    assert!(comparison.finding().interval.unwrap().0 > 0.0);
}

#[test]
fn the_planned_end_needs_less_than_the_evidence() {
    let six: Vec<f64> = (0..40).map(|row| if row < 6 { 1.0 } else { 0.0 }).collect();
    let at_end = finding(plan(40, RowScoreKind::Binary, Design::Sequential), &six);
    assert_eq!(at_end.claim, Some(ProvenClaim::Better));
    let before = finding(plan(41, RowScoreKind::Binary, Design::Sequential), &six);
    assert_eq!(before.claim, None);
    assert!(before.rows_needed.unwrap() > 40);
}

#[test]
fn ties_claim_nothing_but_not_worse() {
    let mut accepts = plan(84, RowScoreKind::Binary, Design::Sequential);
    accepts.accepts_not_worse = true;
    let ties = finding(accepts, &[0.0; 84]);
    assert_eq!((ties.claim, ties.rows), (Some(ProvenClaim::NotWorse), 84));
    let few = finding(
        plan(50, RowScoreKind::Binary, Design::Sequential),
        &[0.0; 50],
    );
    assert_eq!((few.claim, few.rows_needed), (None, None));
}

#[test]
fn equal_models_are_given_up_before_all_rows_are_asked() {
    let mut comparison = Sequential::new(plan(1_319, RowScoreKind::Binary, Design::Sequential));
    for row in 0..1_319 {
        comparison.add([1.0, 0.0, -1.0, 0.0][row % 4]);
    }
    let rows = comparison.finding().rows;
    assert!((100..1_000).contains(&rows), "{rows}");
    assert_eq!(comparison.finding().claim, None);
}

#[test]
fn a_clear_loss_is_worse_although_it_is_inside_the_margin() {
    let lost: Vec<f64> = (0..400)
        .map(|row| if row % 25 == 0 { -1.0 } else { 0.0 })
        .collect();
    let mut wide = plan(400, RowScoreKind::Binary, Design::Sequential);
    wide.margin = 0.2;
    assert_eq!(finding(wide, &lost).claim, Some(ProvenClaim::Worse));
}

#[test]
fn where_not_worse_is_all_that_is_asked_for_it_ends_the_comparison() {
    let mut accepts = plan(2_000, RowScoreKind::Scores, Design::Sequential);
    accepts.accepts_not_worse = true;
    let found = finding(accepts, &[0.0; 2_000]);
    assert_eq!(found.claim, Some(ProvenClaim::NotWorse));
    assert!(found.rows < 200, "{}", found.rows);
}

/// 4 wins and 1 loss in each 100 rows: open at the 100th, by the evidence and by the test there.
fn slow_lead(rows: usize) -> Vec<f64> {
    let row = |row: usize| match row % 100 {
        3 | 23 | 43 | 63 => 1.0,
        83 => -1.0,
        _ => 0.0,
    };
    (0..rows).map(row).collect()
}

#[test]
fn rows_that_were_added_need_five_times_the_evidence() {
    let first = ComparisonPlan {
        margin: 0.001,
        ..plan(100, RowScoreKind::Binary, Design::Sequential)
    };
    let open = finding(first, &slow_lead(100));
    assert_eq!((open.claim, open.rows), (None, 100));
    let more = ComparisonPlan {
        added: 900,
        ..first
    };
    let mut comparison = Sequential::new(more);
    let mut before = (0, 0);
    for difference in slow_lead(1_000) {
        before = (comparison.wins, comparison.losses);
        comparison.add(difference);
        if comparison.settled().is_some() {
            break;
        }
    }
    let (wins, losses) = (comparison.wins, comparison.losses);
    assert_eq!(comparison.finding().claim, Some(ProvenClaim::Better));
    assert!(
        coin::log_e(wins, losses) >= 100.0_f64.ln()
            && coin::log_e(before.0, before.1) < 100.0_f64.ln()
    );
    let planned = finding(
        plan(1_000, RowScoreKind::Binary, Design::Sequential),
        &slow_lead(1_000),
    );
    assert!(
        planned.rows < comparison.finding().rows,
        "a longer plan would have been cheaper"
    );
}

#[test]
fn what_the_first_rows_proved_stays_proven() {
    let lead: Vec<f64> = (0..140)
        .map(|row| if row < 6 { 1.0 } else { 0.0 })
        .collect();
    let first = plan(40, RowScoreKind::Binary, Design::Sequential);
    let more = ComparisonPlan {
        added: 100,
        ..first
    };
    for (plan, rows) in [(first, 40), (more, 40)] {
        let found = finding(plan, &lead);
        assert_eq!((found.claim, found.rows), (Some(ProvenClaim::Better), rows));
    }
    // "Not worse" by the test at the end, which the margin before it would not show yet.
    let ties = ComparisonPlan {
        rows: 84,
        added: 10,
        ..first
    };
    assert_eq!(finding(ties, &[0.0; 90]).claim, Some(ProvenClaim::NotWorse));
}

#[test]
fn rows_are_added_to_a_comparison_that_was_given_up() {
    let rows: Vec<f64> = (0..2_000)
        .map(|row| [1.0, 0.0, -1.0, 0.0][row % 4])
        .collect();
    let first = plan(1_319, RowScoreKind::Binary, Design::Sequential);
    assert!(finding(first, &rows).rows < 1_000);
    let more = ComparisonPlan {
        added: 100,
        ..first
    };
    assert_eq!(finding(more, &rows).rows, 1_419);
}

/// Equal models, by an exact recursion: the chance of any claim with a planned end after each number of rows that
/// differ, and rows added after it, is at most 4.1 %.
#[test]
fn rows_that_were_added_leave_the_error_below_five_in_a_hundred() {
    const ROWS: usize = 1_500;
    for end in [20, 50, 100, 200, 300] {
        let table = CoinTable::new(end, 1);
        let mut chances = vec![1.0];
        let mut spent = 0.0;
        for differing in 1..=ROWS {
            chances = coin::after_row(&chances, 0.5);
            for (wins, chance) in chances.iter_mut().enumerate() {
                let losses = differing - wins;
                let claims = match differing.cmp(&end) {
                    std::cmp::Ordering::Less => table.stops(wins, losses),
                    std::cmp::Ordering::Equal => table.is_enough_at_end(wins, losses),
                    std::cmp::Ordering::Greater => {
                        coin::log_e(wins, losses) >= THRESHOLD_PAST_END.ln()
                    }
                };
                if claims {
                    spent += std::mem::take(chance);
                }
            }
        }
        assert!(spent > 0.02 && spent <= 0.041, "end {end}: {spent}");
    }
}

fn rank(claim: Option<ProvenClaim>) -> u8 {
    match claim {
        Some(ProvenClaim::Worse) => 0,
        None => 1,
        Some(ProvenClaim::NotWorse) => 2,
        Some(ProvenClaim::Better) => 3,
    }
}

proptest! {
    #[test]
    fn a_better_row_never_turns_a_yes_into_a_no(
        differences in proptest::collection::vec(-1_i8..=1, 1..120), row: prop::sample::Index,
        end: prop::sample::Index, fixed: bool,
    ) {
        let differences: Vec<f64> = differences.into_iter().map(f64::from).collect();
        let mut better = differences.clone();
        let row = row.index(better.len());
        better[row] = (better[row] + 1.0).min(1.0);
        let design = if fixed { Design::Fixed } else { Design::Sequential };
        // Any number of the rows were added, if the comparison goes on after its end at all.
        let added = if fixed { 0 } else { end.index(differences.len()) };
        let rows = differences.len() - added;
        let plan = ComparisonPlan { added, ..plan(rows, RowScoreKind::Binary, design) };
        let (before, after) = (finding(plan, &differences), finding(plan, &better));
        prop_assert!(rank(after.claim) >= rank(before.claim), "{before:?} became {after:?}");
    }

    #[test]
    fn a_better_score_never_turns_a_yes_into_a_no(
        differences in proptest::collection::vec(-0.3..0.5_f64, 1..100), row: prop::sample::Index, more in 0.0..0.8_f64,
    ) {
        let mut better = differences.clone();
        let row = row.index(better.len());
        better[row] = (better[row] + more).min(1.0);
        let plan = plan(differences.len(), RowScoreKind::Scores, Design::Sequential);
        let (before, after) = (finding(plan, &differences), finding(plan, &better));
        prop_assert!(rank(after.claim) >= rank(before.claim), "{before:?} became {after:?}");
    }
}
