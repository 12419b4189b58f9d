//! The published tables of scores and of "not worse", reached within 15 %.
//!
//! The rows behind them are not published: these have the same mean, deviation and share of ties.

use super::{
    bets::{Bet, StakeWeights},
    float,
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

/// The chance, in percent, that equal models of `rows` rows are shown to be not worse by `margin`, where they differ
/// on `share` of them: exact.
fn power(rows: usize, margin: f64, share: f64) -> f64 {
    let mut losses_max = 0;
    let mut sum = 0.0;
    let log_factorial = |n: usize| (1..=n).map(|k| float(k).ln()).sum::<f64>();
    let log_factorials: Vec<f64> = (0..=rows).map(log_factorial).collect();
    let chance = |wins: usize, losses: usize| {
        let ties = rows - wins - losses;
        let log = log_factorials[rows]
            - log_factorials[wins]
            - log_factorials[losses]
            - log_factorials[ties]
            + float(wins + losses) * (share / 2.0).ln()
            + float(ties) * (1.0 - share).ln();
        log.exp()
    };
    for wins in 0..=rows {
        let passes = |losses| is_not_worse(Tally { wins, losses, rows }, margin);
        // More wins never take a pass away: the most losses that pass only rise.
        if losses_max == 0 && !passes(0) {
            continue;
        }
        while wins + losses_max < rows
            && chance(wins, losses_max + 1) > 1e-7
            && passes(losses_max + 1)
        {
            losses_max += 1;
        }
        sum += (0..=losses_max.min(rows - wins))
            .map(|losses| chance(wins, losses))
            .sum::<f64>();
        if chance(wins, 0) < 1e-9 && wins > rows / 2 {
            break;
        }
    }
    100.0 * sum
}

#[test]
fn not_worse_in_rows_that_are_right_or_wrong_is_shown_as_often_as_published() {
    for (rows, margin, published) in [
        (30, 0.05, [2.0, 5.0, 4.0, 4.0]),
        (30, 0.10, [26.0, 20.0, 14.0, 9.0]),
        (50, 0.05, [12.0, 12.0, 8.0, 5.0]),
        (50, 0.10, [44.0, 37.0, 21.0, 13.0]),
    ] {
        for (share, percent) in [0.05, 0.1, 0.25, 0.5].into_iter().zip(published) {
            let found = power(rows, margin, share);
            // Published as whole percents.
            let allowed = 0.5_f64.max(0.15 * percent) + 0.01;
            assert!(
                (found - percent).abs() <= allowed,
                "{rows} {margin} {share}: {found} for {percent}"
            );
        }
    }
}
