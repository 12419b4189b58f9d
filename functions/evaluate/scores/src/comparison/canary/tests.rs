//! Blocks by hand, and what holds for every block.

use proptest::prelude::*;

use super::*;

fn block(canary: &[f64], others: &[f64]) -> Vec<SeatedUnit> {
    let seat = |is_canary| {
        move |badness: &f64| SeatedUnit {
            is_canary,
            badness: *badness,
        }
    };
    let canary = canary.iter().map(seat(true));
    canary.chain(others.iter().map(seat(false))).collect()
}

fn log_e(blocks: &[Vec<SeatedUnit>]) -> f64 {
    let mut evidence = CanaryEvidence::default();
    for block in blocks {
        evidence.add_block(block);
    }
    evidence.log_e()
}

#[test]
fn one_seat_is_its_weight_over_the_mean() {
    // Twice as bad: 2 over the mean of (2, 1, 1, 1, 1, 1, 1, 1, 1, 1).
    let found = log_ratio(&block(&[1.0], &[0.0; 9]), 2.0);
    assert!((found - (2.0_f64 / 1.1).ln()).abs() < 1e-12, "{found}");
    let found = log_ratio(&block(&[0.0], &[1.0, 0.0]), 2.0);
    assert!((found - (3.0_f64 / 4.0).ln()).abs() < 1e-12, "{found}");
}

#[test]
fn several_seats_are_compared_with_all_choices_of_as_many() {
    // Weights 2, 1.5 | 1, 2: the six products of two have the sum 2·1.5+2·1+2·2+1.5·1+1.5·2+1·2 = 15.5.
    let found = log_ratio(&block(&[1.0, 0.5], &[0.0, 1.0]), 2.0);
    let expected = (3.0_f64 / (15.5 / 6.0)).ln();
    assert!((found - expected).abs() < 1e-12, "{found}");
}

#[test]
fn one_model_alone_says_nothing() {
    for one in [block(&[], &[1.0; 10]), block(&[1.0; 10], &[]), vec![]] {
        assert!(log_e(std::slice::from_ref(&one)).abs() < 1e-12);
        let mut bound = HarmBound::below(0.05);
        bound.add_block(&one);
        assert!(bound.log_e().abs() < 1e-12);
    }
}

#[test]
fn a_canary_that_always_fails_is_found_after_a_handful_of_callers() {
    let blocks = vec![block(&[1.0], &[0.0; 9]); 3];
    assert!(!is_harmful(log_e(&blocks[..1])));
    assert!(is_harmful(log_e(&blocks)));
    // Three kinds of which one fires: the mean of the three.
    let mut failing = CanaryEvidence::default();
    for block in &blocks {
        failing.add_block(block);
    }
    let quiet = CanaryEvidence::default();
    let mean = mean_log_e(&[failing.clone(), quiet.clone(), quiet]);
    let expected = ((failing.log_e().exp() + 2.0) / 3.0).ln();
    assert!((mean - expected).abs() < 1e-9);
}

#[test]
fn a_candidate_in_the_shadow_is_worse_only_where_its_answers_are() {
    let evidence = |gain: f64, callers: usize| {
        let mut evidence = ShadowEvidence::default();
        for _caller in 0..callers {
            evidence.add(gain);
        }
        evidence
    };
    assert!(evidence(-1.0, 9).is_worse() && !evidence(-1.0, 8).is_worse());
    let better = evidence(1.0, 50);
    assert!(better.log_e() > THRESHOLD.ln() && !better.is_worse());
    assert!(evidence(0.0, 500).log_e().abs() < 1e-9);
}

#[test]
fn blocks_without_a_bad_answer_bound_the_harm_as_published() {
    // No bad canary and no bad base in n blocks bound harm by 5.3, 2.7, 1.1 points.
    for (blocks, points) in [(100, 5.3), (200, 2.7), (500, 1.1)] {
        let shown = |margin: f64| {
            let mut bound = HarmBound::below(margin);
            for _block in 0..blocks {
                bound.add_block(&block(&[0.0], &[0.0]));
            }
            bound.is_shown()
        };
        assert!(shown((points + 0.1) / 100.0), "{blocks}");
        assert!(!shown((points - 0.1) / 100.0), "{blocks}");
    }
}

proptest! {
    /// Given the outcomes, the mean over all seats is 1: what makes the evidence exact.
    #[test]
    fn blind_seats_gain_nothing_on_average(
        badness in proptest::collection::vec(0.0..=1.0_f64, 2..7), seats in 1..6_usize, ratio in 1.1..8.0_f64,
    ) {
        let callers = badness.len();
        let seats = seats.min(callers - 1);
        let (mut sum, mut choices) = (0.0, 0.0);
        for choice in 0_u32..1 << callers {
            if choice.count_ones() as usize != seats {
                continue;
            }
            let block: Vec<SeatedUnit> = badness
                .iter()
                .enumerate()
                .map(|(index, badness)| SeatedUnit { is_canary: choice >> index & 1 == 1, badness: *badness })
                .collect();
            sum += log_ratio(&block, ratio).exp();
            choices += 1.0;
        }
        prop_assert!((sum / choices - 1.0).abs() < 1e-9, "{}", sum / choices);
    }

    #[test]
    fn a_worse_canary_never_lowers_the_evidence_nor_raises_the_bound(
        canary in proptest::collection::vec(0.0..=1.0_f64, 1..5),
        others in proptest::collection::vec(0.0..=1.0_f64, 1..9),
        more in 0.0..=1.0_f64,
    ) {
        let mut worse = canary.clone();
        worse[0] = (worse[0] + more).min(1.0);
        let (before, after) = (block(&canary, &others), block(&worse, &others));
        prop_assert!(log_e(std::slice::from_ref(&after)) >= log_e(std::slice::from_ref(&before)) - 1e-12);
        let bound = |block: &[SeatedUnit]| {
            let mut bound = HarmBound::below(0.05);
            bound.add_block(block);
            bound.log_e()
        };
        prop_assert!(bound(&after) <= bound(&before) + 1e-12);
    }

    #[test]
    fn the_order_of_callers_in_a_block_says_nothing(
        canary in proptest::collection::vec(0.0..=1.0_f64, 1..5),
        others in proptest::collection::vec(0.0..=1.0_f64, 1..9),
    ) {
        let block = block(&canary, &others);
        let mut turned = block.clone();
        turned.reverse();
        prop_assert!((log_e(&[block]) - log_e(&[turned])).abs() < 1e-9);
    }
}
