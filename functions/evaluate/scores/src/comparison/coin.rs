//! Rows that are right or wrong. Only those on which the models differ say anything: if neither is better,
//! each of them is the toss of a fair coin.
//!
//! The evidence mixes the bets on every chance of winning, by a Beta(2, 2) distribution. It is symmetric, so
//! that one number serves "better" and "worse", and the more frequent side names the claim.
//!
//! Evidence alone wastes what is left of the error at the planned end. There, once, [`CoinTable::end`] wins
//! back most of what a fixed test would see, by an exact recursion over all ways to get there.
//!
//! Sources: J. Ville, "Étude critique de la notion de collectif", 1939; H. Robbins, "Statistical methods related
//! to the law of the iterated logarithm", 1970.

use super::{THRESHOLD, float, gamma::ln_beta};

/// The error that is spent in all by the planned end, both directions together: the rest of the 5 % is left
/// for rows that are added afterwards.
const ERROR_AT_END: f64 = 0.04;
/// Beyond so many rows that differ, the end test adds nothing to the evidence, and its table would be large.
const TABLE_MAX: usize = 4_000;
/// Above this number of rows, the models are practically equal.
const ROWS_MAX: f64 = 1e7;

/// The logarithm of the evidence in `wins` and `losses` against a fair coin.
pub fn log_e(wins: usize, losses: usize) -> f64 {
    log_e_of(float(wins), float(losses))
}

/// The same for shares of rows.
fn log_e_of(wins: f64, losses: f64) -> f64 {
    // B(2, 2) is a sixth.
    ln_beta(wins + 2.0, losses + 2.0) + 6.0_f64.ln() + (wins + losses) * std::f64::consts::LN_2
}

/// The number of rows in all at which the evidence reaches `threshold` with an even chance, if what was seen on
/// `rows` is the truth; none where wins and losses are equal.
pub fn rows_for_even_chance(
    wins: usize,
    losses: usize,
    rows: usize,
    threshold: f64,
) -> Option<usize> {
    if wins == losses || rows == 0 {
        return None;
    }
    let (wins, losses, rows) = (float(wins), float(losses), float(rows));
    let settles =
        |total: f64| log_e_of(wins * total / rows, losses * total / rows) >= threshold.ln();
    let mut high = rows;
    while !settles(high) {
        high *= 2.0;
        if high > ROWS_MAX {
            return None;
        }
    }
    let mut low = 0.0;
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        if settles(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(whole(high))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and ROWS_MAX"
)]
fn whole(number: f64) -> usize {
    number as usize
}

/// How many wins of the rows that differ are needed for a claim.
#[derive(Clone, Debug)]
pub struct CoinTable {
    /// The logarithm of the evidence at which a comparison stops.
    threshold: f64,
    /// The wins needed at the planned end, by the number of rows that differ.
    end: Vec<usize>,
}

/// One row of the recursion, for tests and for the power of a plan.
#[derive(Clone, Debug)]
pub struct CoinStep {
    /// Rows that differ.
    pub differing: usize,
    /// The wins at which a comparison stops; one more than `differing` where none suffice.
    pub need: usize,
    /// The wins that are enough at the planned end.
    pub end: usize,
    /// The chance that it has stopped by now although the models are equal.
    pub error_stop: f64,
    /// The same with the end test at this row.
    pub error_end: f64,
}

impl CoinTable {
    /// The table for up to `rows` rows that differ, and one of `arms` models that are compared with the same
    /// one: each of several has its share of the error.
    pub fn new(rows: usize, arms: usize) -> Self {
        let arms = float(arms.max(1));
        let threshold = (THRESHOLD * arms).ln();
        let mut end = vec![1];
        end.extend(
            Recursion::new(threshold, ERROR_AT_END / arms)
                .take(rows.min(TABLE_MAX))
                .map(|step| step.end),
        );
        Self { threshold, end }
    }

    /// Whether the evidence is enough at any time.
    pub fn stops(&self, wins: usize, losses: usize) -> bool {
        log_e(wins, losses) >= self.threshold
    }

    /// Whether it is enough at the planned end, which is looked at once.
    pub fn is_enough_at_end(&self, wins: usize, losses: usize) -> bool {
        let most = wins.max(losses);
        let needed = self.end.get(wins + losses);
        needed.map_or_else(|| self.stops(wins, losses), |needed| most >= *needed)
    }

    /// The wins that are enough at the planned end with `differing` rows, as far as the table goes.
    pub fn end(&self, differing: usize) -> Option<usize> {
        self.end.get(differing).copied()
    }
}

/// The recursion over rows that differ: the exact chance of every number of wins that has not stopped yet.
pub(super) struct Recursion {
    threshold: f64,
    error: f64,
    differing: usize,
    need: usize,
    spent: f64,
    /// The chance of each number of wins, of those that go on.
    chances: Vec<f64>,
}

impl Recursion {
    pub(super) fn new(threshold: f64, error: f64) -> Self {
        Self {
            threshold,
            error,
            differing: 0,
            need: 1,
            spent: 0.0,
            chances: vec![1.0],
        }
    }

    /// The recursion of the default comparison.
    pub(super) fn of_default() -> Self {
        Self::new(THRESHOLD.ln(), ERROR_AT_END)
    }
}

/// The chances of each number of wins after one more row, at which the model wins with chance `win`.
pub(super) fn after_row(chances: &[f64], win: f64) -> Vec<f64> {
    let lost = chances
        .iter()
        .map(|chance| chance * (1.0 - win))
        .chain([0.0]);
    let won = [0.0]
        .into_iter()
        .chain(chances.iter().map(|chance| chance * win));
    lost.zip(won).map(|(lost, won)| lost + won).collect()
}

/// The least wins of `differing` rows whose evidence is enough, from those of one row less: they rise by at
/// most one a row.
fn need_after(need: usize, differing: usize, threshold: f64) -> usize {
    let stops = |wins: usize| {
        wins * 2 >= differing && wins <= differing && log_e(wins, differing - wins) >= threshold
    };
    let mut need = need.min(differing + 1);
    while need <= differing && !stops(need) {
        need += 1;
    }
    while need > 0 && stops(need - 1) {
        need -= 1;
    }
    need
}

impl Iterator for Recursion {
    type Item = CoinStep;

    fn next(&mut self) -> Option<CoinStep> {
        self.differing += 1;
        let differing = self.differing;
        self.need = need_after(self.need, differing, self.threshold);
        self.chances = after_row(&self.chances, 0.5);
        if self.need <= differing {
            self.spent += 2.0 * self.chances.get(self.need..)?.iter().sum::<f64>();
            self.chances.get_mut(self.need..)?.fill(0.0);
            self.chances.get_mut(..=differing - self.need)?.fill(0.0);
        }
        let mut end = differing + 1;
        let mut error_end = self.spent;
        while (end - 1) * 2 > differing {
            let more = 2.0 * self.chances.get(end - 1)?;
            if error_end + more > self.error {
                break;
            }
            end -= 1;
            error_end += more;
        }
        Some(CoinStep {
            differing,
            need: self.need,
            end,
            error_stop: self.spent,
            error_end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_wins_in_a_row_are_the_first_that_stop() {
        let table = CoinTable::new(100, 1);
        assert!(!table.stops(8, 0) && table.stops(9, 0) && table.stops(0, 9));
        assert!(!table.stops(9, 1));
        assert!(table.is_enough_at_end(6, 0) && !table.is_enough_at_end(5, 0));
        assert!(!table.is_enough_at_end(0, 0));
    }

    #[test]
    fn a_win_for_a_tie_or_a_loss_never_takes_a_claim_away() {
        let table = CoinTable::new(800, 1);
        let mut needs = Recursion::of_default().take(800).map(|step| step.need);
        let ends: Vec<usize> = (0..=800).filter_map(|row| table.end(row)).collect();
        let need: Vec<usize> = [1].into_iter().chain(needs.by_ref()).collect();
        for thresholds in [need, ends] {
            for pair in thresholds.windows(2) {
                let rise = pair[1].checked_sub(pair[0]);
                assert!(rise.is_some_and(|rise| rise <= 1), "{pair:?}");
            }
        }
    }

    #[test]
    fn the_error_is_that_of_the_published_table() {
        let expected = [
            (20, 1.0),
            (50, 2.0),
            (100, 2.5),
            (200, 3.0),
            (500, 3.4),
            (2_000, 3.9),
        ];
        let mut steps = Recursion::of_default();
        for (differing, percent) in expected {
            let step = steps.find(|step| step.differing == differing).unwrap();
            assert!(
                (step.error_stop * 100.0 - percent).abs() <= 0.06,
                "{step:?}"
            );
            assert!(step.error_end <= ERROR_AT_END, "{step:?}");
        }
    }

    #[test]
    fn several_models_share_the_error() {
        let four = CoinTable::new(100, 4);
        assert!(!four.stops(9, 0) && four.stops(12, 0));
        assert!(!four.is_enough_at_end(6, 0));
    }
}
