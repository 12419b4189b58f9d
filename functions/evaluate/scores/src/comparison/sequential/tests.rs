//! Whole comparisons: when they stop, what they claim, and that a better row never takes a claim away.

use proptest::prelude::*;

use super::*;

fn plan(rows: usize, kind: RowScoreKind, design: Design) -> ComparisonPlan {
    ComparisonPlan {
        rows,
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
        fixed: bool,
    ) {
        let differences: Vec<f64> = differences.into_iter().map(f64::from).collect();
        let mut better = differences.clone();
        let row = row.index(better.len());
        better[row] = (better[row] + 1.0).min(1.0);
        let design = if fixed { Design::Fixed } else { Design::Sequential };
        let plan = plan(differences.len(), RowScoreKind::Binary, design);
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
