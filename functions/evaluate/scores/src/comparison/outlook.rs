//! What a number of rows can show: before they are asked, and while they are.
//!
//! Sources of the sample size: O. Miettinen, "The matched pairs design in the case of all-or-none responses",
//! Biometrics 1968; R. Connor, "Sample size for testing differences in proportions for the paired-sample
//! design", Biometrics 1987.

use super::{
    coin::{CoinTable, Recursion, after_row},
    float,
    gamma::{ln_beta, ln_gamma},
};

/// The quantile of an error of 5 %, both directions together.
const ERROR_QUANTILE: f64 = 1.959_96;
/// The quantile of a power of 80 %.
const POWER_QUANTILE: f64 = 0.841_62;
/// Halvings of a gap: to a millionth of a point.
const HALVINGS: usize = 40;
/// Standard deviations over √n that a fixed test of scores sees with a power of 80 %.
const SCORES_FACTOR: f64 = 2.8;
/// What bets need beyond that: 1.3 times where the gap is some points, more where it is large.
const BETS_FACTOR: f64 = 1.3;
/// Above this, a number of rows is not reported: the models are practically equal.
const ROWS_MAX: f64 = 1e6;

/// The least gap that a fixed test of `rows` rows sees with a power of 80 %, if the models differ on a share
/// `discordance` of them; none where there are too few rows for any gap.
pub fn detectable(rows: usize, discordance: f64) -> Option<f64> {
    let excess = |gap: f64| {
        let spread = (discordance - gap * gap).max(0.0).sqrt();
        let seen = ERROR_QUANTILE * discordance.sqrt() + POWER_QUANTILE * spread;
        gap - seen / float(rows.max(1)).sqrt()
    };
    least_gap(discordance, |gap| excess(gap) >= 0.0)
}

/// The same for the default comparison: exact, by its recursion.
pub fn detectable_by_default(rows: usize, discordance: f64) -> Option<f64> {
    least_gap(discordance, |gap| {
        power(rows, discordance, gap).with_end >= 0.8
    })
}

fn least_gap(discordance: f64, is_seen: impl Fn(f64) -> bool) -> Option<f64> {
    // No gap is larger than the share of rows that differ.
    let (mut low, mut high) = (0.0, discordance);
    if !is_seen(high) {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if is_seen(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// The chance that a comparison sees a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// By the evidence alone.
    pub sequential: f64,
    /// With the test at the planned end, which is the default.
    pub with_end: f64,
}

/// The chance that the default comparison of `rows` rows sees a `gap`, if the models differ on a share
/// `discordance` of them: exact.
pub fn power(rows: usize, discordance: f64, gap: f64) -> Power {
    let win = (0.5 + gap / (2.0 * discordance)).clamp(0.0, 1.0);
    let mut found = Power {
        sequential: 0.0,
        with_end: 0.0,
    };
    let mut chances = vec![1.0];
    let mut stopped = 0.0;
    for (differing, step) in (1..=rows).zip(Recursion::of_default()) {
        chances = after_row(&chances, win);
        stopped += won(&mut chances, step.need, differing);
        let at_end: f64 = chances.get(step.end..).unwrap_or_default().iter().sum();
        let weight = binomial(rows, differing, discordance);
        found.sequential += weight * stopped;
        found.with_end += weight * (stopped + at_end);
    }
    found
}

/// Takes those that stop at this row out of `chances`; gives the chance of those that have won.
fn won(chances: &mut [f64], need: usize, differing: usize) -> f64 {
    if need > differing {
        return 0.0;
    }
    let won = chances.get_mut(need..).unwrap_or_default();
    let sum = won.iter().sum();
    won.fill(0.0);
    let lost = chances.get_mut(..=differing - need).unwrap_or_default();
    lost.fill(0.0);
    sum
}

fn binomial(rows: usize, count: usize, share: f64) -> f64 {
    let choose = ln_gamma(float(rows) + 1.0)
        - ln_gamma(float(count) + 1.0)
        - ln_gamma(float(rows - count) + 1.0);
    let power = |share: f64, count: usize| {
        if count == 0 {
            0.0
        } else {
            float(count) * share.ln()
        }
    };
    (choose + power(share, count) + power(1.0 - share, rows - count)).exp()
}

/// About the chance that a comparison of rows that are right or wrong is settled at the planned end, after
/// `asked` rows: over all truths that fit what was seen (uniform beforehand), if as many of the rows to come
/// differ as of those that were asked.
pub fn chance_to_settle(
    table: &CoinTable,
    wins: usize,
    losses: usize,
    asked: usize,
    planned: usize,
) -> f64 {
    let left = planned.saturating_sub(asked);
    let more = ((wins + losses) * left).div_ceil(asked.max(1)).min(left);
    // Beta-binomial: the wins to come, term by term.
    let (a, b, m) = (float(wins) + 1.0, float(losses) + 1.0, float(more));
    let mut chance = (ln_beta(a, b + m) - ln_beta(a, b)).exp();
    let mut settled = 0.0;
    for won in 0..=more {
        if table.is_enough_at_end(wins + won, losses + more - won) {
            settled += chance;
        }
        let k = float(won);
        chance *= (m - k) / (k + 1.0) * (a + k) / (b + m - k - 1.0);
    }
    settled
}

/// About how many rows in all would show the mean difference of scores, if it is the true one; none where no
/// number is likely to help.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and ROWS_MAX"
)]
pub fn rows_for_scores(differences: &[f64]) -> Option<usize> {
    if differences.len() < 2 {
        return None;
    }
    let rows = float(differences.len());
    let mean = differences.iter().sum::<f64>() / rows;
    let squares = differences.iter().map(|one| (one - mean).powi(2));
    let deviation = (squares.sum::<f64>() / rows).sqrt();
    let needed = BETS_FACTOR * (SCORES_FACTOR * deviation / mean).powi(2);
    (needed.is_finite() && needed <= ROWS_MAX).then(|| (needed.ceil() as usize).max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_that_is_seen_is_that_of_the_published_table() {
        // Rows, share that differs, formula and default, in points.
        for (rows, discordance, formula, default) in [
            (50, 0.25, 19.3, 19.9),
            (50, 0.5, 27.4, 29.5),
            (100, 0.1, 8.8, 8.8),
            (100, 0.25, 13.8, 14.8),
            (100, 0.5, 19.6, 21.4),
            (200, 0.1, 6.2, 6.6),
            (200, 0.25, 9.8, 10.7),
            (200, 0.5, 13.9, 15.6),
            (500, 0.25, 6.2, 7.1),
        ] {
            let found = detectable(rows, discordance).unwrap() * 100.0;
            assert!(
                (found - formula).abs() < 0.06,
                "{rows} {discordance}: {found}"
            );
            let found = detectable_by_default(rows, discordance).unwrap() * 100.0;
            assert!(
                (found - default).abs() < 0.06,
                "{rows} {discordance}: {found}"
            );
        }
        assert_eq!(detectable(50, 0.1), None);
        assert_eq!(detectable_by_default(50, 0.1), None);
    }

    #[test]
    fn a_clear_lead_settles_and_a_draw_does_not() {
        let table = CoinTable::new(1_000, 1);
        let chance = |wins, losses, planned| chance_to_settle(&table, wins, losses, 100, planned);
        assert!(chance(40, 10, 200) > 0.99);
        assert!(chance(12, 12, 120) < 0.05);
        assert!(chance(20, 14, 1_000) > chance(20, 14, 150));
        for (wins, losses) in [(3, 4), (9, 1), (30, 30), (0, 0)] {
            let chance = chance(wins, losses, 300);
            assert!((0.0..=1.0 + 1e-9).contains(&chance), "{chance}");
        }
    }

    #[test]
    fn rows_for_scores_follow_from_spread_and_mean() {
        let differences: Vec<f64> = (0..100)
            .map(|n| 0.04 + 0.15 * f64::from(n % 2 * 2 - 1))
            .collect();
        let needed = rows_for_scores(&differences).unwrap();
        assert!((130..=160).contains(&needed), "{needed}");
        assert_eq!(rows_for_scores(&[0.0; 10]), None);
    }
}
