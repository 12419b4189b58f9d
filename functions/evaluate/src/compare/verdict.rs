//! The verdict that the primary metric supports, and no stronger one.

use shared::evaluation::Verdict;

use super::Measured;

/// Fewer rows are inconclusive, because the bootstrap's interval is too narrow there. In simulation its 95 % interval misses the
/// true value 15 to 18 times in 100 with 5 rows, 10 times with 10, 7 with 20, and 5 to 6 with 50 or more.
pub(super) const ROWS_MIN: u64 = 10;

/// Above this, a number of rows is not reported: the models are practically equal.
const ROWS_NEEDED_MAX: f64 = 100_000.0;

/// (1.96 + 0.84)²: a 95 % interval, and a power of 80 %: the estimate suffices in four cases of five.
const POWER: f64 = 7.84;

/// A verdict with its reason.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    pub(super) more_rows_needed: Option<u64>,
}

/// Judges the comparison on the primary metric; inconclusive if there was no row to measure.
pub(super) fn judge(deciding: Option<&Measured>, margin: f64) -> Judgement {
    let Some(measured) = deciding else {
        return Judgement {
            verdict: Verdict::CannotTell,
            reason: "no rows to compare".to_owned(),
            more_rows_needed: Some(ROWS_MIN),
        };
    };
    let comparison = &measured.comparison;
    let verdict = verdict(comparison.rows, comparison.low, comparison.high, margin);
    let more_rows_needed = open_distance(&verdict, comparison.difference, margin)
        .and_then(|distance| more_rows_needed(comparison.rows, distance, measured.deviation));
    let words = match &verdict {
        Verdict::Better => "better: the interval lies above 0".to_owned(),
        Verdict::NotWorse => format!("not worse: the interval lies above -{margin:.3}"),
        Verdict::Worse => "worse: the interval lies below 0".to_owned(),
        Verdict::CannotTell => match more_rows_needed {
            _ if comparison.rows < ROWS_MIN => format!("inconclusive: fewer than {ROWS_MIN} rows"),
            Some(more) => format!("inconclusive: about {more} more rows needed"),
            None => "inconclusive: too close for more rows to decide".to_owned(),
        },
        Verdict::Undecided | Verdict::Other(_) => verdict.as_str().to_owned(),
    };
    let reason = format!(
        "{words}; {} {:.3} against {:.3}, difference {:+.3} (95 % interval {:+.3} to {:+.3}), {} rows",
        comparison.name,
        comparison.tuned_mean,
        comparison.base_mean,
        comparison.difference,
        comparison.low,
        comparison.high,
        comparison.rows,
    );
    Judgement {
        verdict,
        reason,
        more_rows_needed,
    }
}

fn verdict(rows: u64, low: f64, high: f64, margin: f64) -> Verdict {
    if rows < ROWS_MIN {
        Verdict::CannotTell
    } else if low > 0.0 {
        Verdict::Better
    } else if low > -margin {
        Verdict::NotWorse
    } else if high < 0.0 {
        Verdict::Worse
    } else {
        Verdict::CannotTell
    }
}

/// The distance of the observed difference from the bound that more rows would clear first; `None` where nothing is open.
///
/// For an inconclusive verdict the bound is minus the margin if the difference lies above it, and otherwise 0. A model that is
/// not worse may still prove better: then the bound is 0.
fn open_distance(verdict: &Verdict, difference: f64, margin: f64) -> Option<f64> {
    match verdict {
        Verdict::CannotTell if difference > -margin => Some(difference + margin),
        Verdict::CannotTell => Some(difference),
        Verdict::NotWorse => Some(difference).filter(|difference| *difference > 0.0),
        Verdict::Better | Verdict::Worse | Verdict::Undecided | Verdict::Other(_) => None,
    }
}

/// The rows needed for a decision, beyond those there are: `POWER · deviation² / distance²`, the usual sample size of a paired
/// comparison (Lehr, "Sixteen s-squared over d-squared", 1992, is the same rule for two groups). The difference is itself an
/// estimate, so this is one too.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and ROWS_NEEDED_MAX"
)]
fn more_rows_needed(rows: u64, distance: f64, deviation: f64) -> Option<u64> {
    // Without deviation only the minimum number of rows is missing. Without distance the result is infinite and exceeds the limit.
    let needed = if deviation > 0.0 {
        POWER * (deviation / distance).powi(2)
    } else {
        0.0
    };
    if needed > ROWS_NEEDED_MAX {
        return None;
    }
    let needed = needed.max(ROWS_MIN as f64).ceil() as u64;
    Some(needed.saturating_sub(rows).max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(rows: u64, low: f64, high: f64, expected: &Verdict) {
        assert_eq!(
            &verdict(rows, low, high, 0.02),
            expected,
            "{rows} rows, {low} to {high}"
        );
    }

    #[test]
    fn the_interval_decides() {
        check(200, 0.01, 0.05, &Verdict::Better);
        check(200, 0.0, 0.05, &Verdict::NotWorse);
        check(200, 0.0, 0.0, &Verdict::NotWorse);
        check(200, -0.019, 0.05, &Verdict::NotWorse);
        check(200, -0.019, -0.001, &Verdict::NotWorse);
        check(200, -0.02, 0.05, &Verdict::CannotTell);
        check(200, -0.3, -0.001, &Verdict::Worse);
        check(200, -0.3, 0.0, &Verdict::CannotTell);
        check(9, 0.5, 0.6, &Verdict::CannotTell);
        check(10, 0.5, 0.6, &Verdict::Better);
    }

    #[track_caller]
    fn needs(rows: u64, verdict: &Verdict, difference: f64, deviation: f64, expected: Option<u64>) {
        let needed = open_distance(verdict, difference, 0.02)
            .and_then(|distance| more_rows_needed(rows, distance, deviation));
        assert_eq!(
            needed, expected,
            "{rows} rows, {verdict:?}, {difference} of {deviation}"
        );
    }

    #[test]
    fn the_number_of_rows_follows_from_spread_and_distance() {
        // 7.84 · (0.3 / 0.05)² = 282.24.
        needs(100, &Verdict::CannotTell, 0.03, 0.3, Some(183));
        // Below the margin: towards "worse". 7.84 · (0.3 / 0.1)² = 70.56.
        needs(40, &Verdict::CannotTell, -0.1, 0.3, Some(31));
        needs(4, &Verdict::CannotTell, 0.0, 0.0, Some(6));
        needs(500, &Verdict::CannotTell, 0.03, 0.3, Some(1));
        needs(100, &Verdict::CannotTell, -0.019_999, 0.3, None);
        needs(100, &Verdict::CannotTell, -0.02, 0.0, Some(1));
        // Towards "better". 7.84 · (0.3 / 0.03)² = 784.
        needs(500, &Verdict::NotWorse, 0.03, 0.3, Some(284));
        needs(500, &Verdict::NotWorse, 0.0, 0.3, None);
        needs(500, &Verdict::NotWorse, -0.01, 0.3, None);
        needs(100, &Verdict::Better, 0.1, 0.3, None);
        needs(100, &Verdict::Worse, -0.1, 0.3, None);
    }

    fn rank(verdict: &Verdict) -> u8 {
        match verdict {
            Verdict::Undecided | Verdict::Other(_) => {
                panic!("the comparison never concludes {verdict:?}")
            }
            Verdict::Worse => 0,
            Verdict::CannotTell => 1,
            Verdict::NotWorse => 2,
            Verdict::Better => 3,
        }
    }

    proptest! {
        #[test]
        fn a_higher_interval_is_never_judged_lower(
            low in -1.0..1.0_f64, width in 0.0..1.0_f64, up in 0.0..1.0_f64, wider in 0.0..1.0_f64, margin in 0.0..0.5_f64,
        ) {
            let before = verdict(200, low, low + width, margin);
            let after = verdict(200, low + up, low + width + up + wider, margin);
            prop_assert!(rank(&after) >= rank(&before), "{before:?} became {after:?}");
        }
    }
}
