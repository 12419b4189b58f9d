//! The published tables of scores and of "not worse", reached within 15 %.
//!
//! The rows behind them are not published: these have the same mean, deviation and share of ties.

use super::{
    bets::{Bet, StakeWeights},
    float,
    gamma::ln_gamma,
    not_worse::{Tally, is_not_worse},
    pseudo_row,
    random::Random,
    sequential::{ComparisonPlan, Design, RowScoreKind, Sequential},
    simulated::{shuffled, within},
};

/// Differences of a kind of scores.
type Draw = fn(&mut Random, f64) -> f64;

/// ROUGE-like: all rows differ, most by little.
fn rouge(random: &mut Random, mean: f64) -> f64 {
    (mean + 0.16 * random.normal()).clamp(-1.0, 1.0)
}

/// Two scores of Beta distributions, each with a deviation of 0.14.
fn beta(random: &mut Random, mean: f64) -> f64 {
    // The mean of k ranks out of n is Beta(k, n + 1 − k): the 6th of 11 uniform numbers.
    let mut score = || {
        let mut numbers: Vec<f64> = (0..11).map(|_number| random.uniform()).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[5]
    };
    (mean + score() - score()).clamp(-1.0, 1.0)
}

/// F1 of JSON fields: seven rows of ten are ties, the others differ by a lot.
fn json(random: &mut Random, mean: f64) -> f64 {
    if random.uniform() < 0.7 {
        return 0.0;
    }
    mean / 0.3 + 1.35 * (random.uniform() - 0.5)
}

/// Rows that are right or wrong, one in ten of which differs.
fn binary(random: &mut Random, _mean: f64) -> f64 {
    let draw = random.uniform();
    if draw < 0.05 {
        1.0
    } else if draw < 0.1 {
        -1.0
    } else {
        0.0
    }
}

/// As many rows as gsm8k has, whose mean is exactly `mean`.
fn centred(draw: Draw, mean: f64, random: &mut Random) -> Vec<f64> {
    let rows: Vec<f64> = (0..1_319).map(|_row| draw(random, mean)).collect();
    let off = rows.iter().sum::<f64>() / float(rows.len()) - mean;
    rows.into_iter().map(|row| row - off).collect()
}

#[test]
fn scores_are_told_apart_after_as_many_rows_as_published() {
    const RUNS: usize = 300;
    const ROWS: usize = 4_000;
    let mut random = Random::new(21);
    let before = Sequential::new(ComparisonPlan {
        rows: ROWS,
        added: 0,
        kind: RowScoreKind::Scores,
        design: Design::Sequential,
        margin: 0.05,
        accepts_not_worse: false,
        candidates: 1,
    });
    // The published ROUGE scores are of the rows that there are, drawn without putting them back.
    let rows: [(Draw, f64, bool, usize, usize); 3] = [
        (rouge, -0.02, true, 405, 762),
        (beta, 0.05, false, 138, 261),
        (json, 0.034, false, 297, 697),
    ];
    for (draw, mean, is_finite, median, most) in rows {
        let mut finite = centred(draw, mean, &mut random);
        let mut stops: Vec<usize> = (0..RUNS)
            .map(|_run| {
                shuffled(&mut finite, &mut random);
                let mut comparison = before.clone();
                let mut rows = 0;
                while comparison.settled().is_none() && rows < ROWS {
                    let row = match finite.get(rows) {
                        Some(row) if is_finite => *row,
                        _ => draw(&mut random, mean),
                    };
                    comparison.add(row);
                    rows += 1;
                }
                rows
            })
            .collect();
        stops.sort_unstable();
        within(stops[RUNS / 2], median, 15);
        within(stops[RUNS * 9 / 10], most, 15);
    }
}

#[test]
fn not_worse_is_shown_at_any_time_after_as_many_rows_as_published() {
    const RUNS: usize = 300;
    let mut random = Random::new(22);
    let rows: [(Draw, StakeWeights, usize); 3] = [
        (rouge, StakeWeights::Scores, 161),
        (json, StakeWeights::Scores, 202),
        (binary, StakeWeights::Binary, 446),
    ];
    for (draw, weights, median) in rows {
        let mut stops: Vec<usize> = (0..RUNS)
            .map(|_run| {
                let mut bet = Bet::above(-0.05, weights);
                let mut rows = 0;
                while bet.log_wealth() < 200.0_f64.ln() && rows < 4_000 {
                    bet.add(draw(&mut random, 0.0));
                    rows += 1;
                }
                rows
            })
            .collect();
        stops.sort_unstable();
        within(stops[RUNS / 2], median, 15);
    }
}

#[test]
fn not_worse_in_scores_is_shown_as_often_as_published() {
    const RUNS: usize = 200;
    let mut random = Random::new(23);
    // Percent of equal models, at 2.5 %.
    let rows: [(Draw, usize, f64); 4] = [
        (rouge, 100, 55.0),
        (rouge, 200, 97.0),
        (json, 100, 37.0),
        (json, 200, 79.0),
    ];
    for (draw, rows, percent) in rows {
        let shown = (0..RUNS).filter(|_run| {
            let differences: Vec<f64> = (0..rows).map(|_row| draw(&mut random, 0.0)).collect();
            pseudo_row::chance_below(&differences, -0.05) <= 0.025
        });
        let found = 100.0 * float(shown.count()) / float(RUNS);
        // Three standard errors of the simulation, and 15 %.
        let error = 3.0 * (percent * (100.0 - percent) / float(RUNS)).sqrt();
        assert!(
            (found - percent).abs() <= 0.15 * percent + error,
            "{found} for {percent}"
        );
    }
}

/// The shares of rows on which equal models differ, in the published table.
const SHARES: [f64; 4] = [0.05, 0.1, 0.25, 0.5];

/// The chance of `wins` and `losses` in `rows` rows of equal models that differ on `share` of them.
fn chance_of(wins: usize, losses: usize, rows: usize, share: f64) -> f64 {
    let ties = rows - wins - losses;
    let log_factorial = |n: usize| ln_gamma(float(n) + 1.0);
    let log =
        log_factorial(rows) - log_factorial(wins) - log_factorial(losses) - log_factorial(ties)
            + float(wins + losses) * (share / 2.0).ln()
            + float(ties) * (1.0 - share).ln();
    log.exp()
}

/// The most losses with which each number of wins passes as not worse by `margin`; none of wins that equal models
/// hardly have.
fn losses_that_pass(rows: usize, margin: f64) -> Vec<Option<usize>> {
    let is_likely = |wins: usize, losses: usize| {
        let mut shares = SHARES.iter();
        shares.any(|share| chance_of(wins, losses, rows, *share) > 1e-7)
    };
    let mut most = None;
    // More wins never take a pass away: the most losses that pass only rise.
    let passing = (0..=rows).map(|wins| {
        let passes = |losses| is_not_worse(Tally { wins, losses, rows }, margin);
        let mut next = most.map_or(0, |most: usize| most + 1);
        while wins + next <= rows && is_likely(wins, next) && passes(next) {
            most = Some(next);
            next += 1;
        }
        most.filter(|most| wins + most <= rows)
    });
    passing.collect()
}

/// The chance, in percent, that equal models that differ on `share` of the rows are shown to be not worse: exact.
fn power(losses_that_pass: &[Option<usize>], share: f64) -> f64 {
    let rows = losses_that_pass.len() - 1;
    let of_wins = |(wins, most): (usize, &Option<usize>)| -> f64 {
        let losses = most.map_or(0..0, |most| 0..most + 1);
        losses
            .map(|losses| chance_of(wins, losses, rows, share))
            .sum()
    };
    100.0
        * losses_that_pass
            .iter()
            .enumerate()
            .map(of_wins)
            .sum::<f64>()
}

#[test]
fn not_worse_in_rows_that_are_right_or_wrong_is_shown_as_often_as_published() {
    for (rows, margin, published) in [
        (30, 0.05, [2.0, 5.0, 4.0, 4.0]),
        (30, 0.10, [26.0, 20.0, 14.0, 9.0]),
        (50, 0.02, [1.0, 3.0, 3.0, 3.0]),
        (50, 0.05, [12.0, 12.0, 8.0, 5.0]),
        (50, 0.10, [44.0, 37.0, 21.0, 13.0]),
        (100, 0.02, [6.0, 6.0, 5.0, 4.0]),
        (100, 0.05, [37.0, 25.0, 13.0, 8.0]),
        (100, 0.10, [94.0, 77.0, 45.0, 25.0]),
        (200, 0.02, [15.0, 10.0, 6.0, 4.0]),
    ] {
        let passing = losses_that_pass(rows, margin);
        for (share, percent) in SHARES.into_iter().zip(published) {
            let found = power(&passing, share);
            // Published as whole percents.
            let allowed = 0.5_f64.max(0.15 * percent) + 0.01;
            assert!(
                (found - percent).abs() <= allowed,
                "{rows} {margin} {share}: {found} for {percent}"
            );
        }
    }
}
