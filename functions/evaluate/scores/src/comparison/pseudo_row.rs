//! "The mean is not below a bound" for scores: the bootstrap with one more row, at the worst value.
//!
//! Rows are weighted by Dirichlet(1, …, 1), with a row at −1 among them, so that the losses that were not seen
//! are not taken for impossible. For rows that are right or wrong this is Clopper and Pearson's bound. That it
//! holds for all bounded scores is a conjecture (Gaffke's), not proven; no counterexample is known.
//!
//! Sources: E. Learned-Miller and P. Thomas, "A new confidence interval for the mean of a bounded random
//! variable", 2019; M. Phan, P. Thomas, E. Learned-Miller, "Towards practical mean bounds for small samples",
//! ICML 2021; the integral: J. Imhof, "Computing the distribution of quadratic forms in normal variables", 1961.

use std::f64::consts::PI;

use super::float;

/// Steps of the trapezoid rule: from −30 to 20 in the logarithm of t.
const STEPS: u32 = 5_000;
/// The first one.
const FIRST: f64 = -30.0;
/// Their length.
const STEP: f64 = 0.01;
/// An integrand below e to the power of minus this has no effect on the sum.
const NEGLIGIBLE: f64 = 60.0;

/// Terms of the series for small t: with at most [`SERIES_MAX`] the next one is below 10^-16 of the first.
const TERMS: usize = 20;
/// The largest product of t and a distance for which the series is summed.
const SERIES_MAX: f64 = 0.4;

/// The chance that the weighted mean of `differences`, with one more of −1, is at most `bound`.
pub fn chance_below(differences: &[f64], bound: f64) -> f64 {
    let distances = Distances::new(differences, bound);
    let squares: f64 = distances
        .groups
        .iter()
        .map(|(distance, count)| count * distance * distance)
        .sum();
    if squares <= 0.0 {
        return 1.0;
    }
    let scale = squares.sqrt().recip();
    let mut sum = 0.0;
    for step in 0..=STEPS {
        let t = (FIRST + f64::from(step) * STEP).exp() * scale;
        let (angle, log_size) = distances.at(t);
        if log_size > NEGLIGIBLE {
            break;
        }
        let ends = if step == 0 || step == STEPS { 0.5 } else { 1.0 };
        sum += ends * angle.sin() * (-log_size).exp();
    }
    (0.5 - sum * STEP / PI).clamp(0.0, 1.0)
}

/// The distances of all rows from a bound, and what is summed over them.
///
/// Most steps of the integral are at a small t, where the sums over the rows are series in t whose coefficients
/// are sums of powers, taken once: an interval over a thousand rows takes milliseconds, not seconds.
struct Distances {
    /// Each distance with how often it occurs.
    groups: Vec<(f64, f64)>,
    /// The largest size of a distance.
    most: f64,
    /// Coefficients of the sum of arc tangents, in odd powers of t·most.
    angle: [f64; TERMS],
    /// Coefficients of half the sum of ln(1 + a²t²), in even powers of t·most.
    log_size: [f64; TERMS],
}

impl Distances {
    fn new(differences: &[f64], bound: f64) -> Self {
        let mut distances: Vec<f64> = differences
            .iter()
            .map(|difference| difference - bound)
            .collect();
        distances.push(-1.0 - bound);
        distances.sort_by(f64::total_cmp);
        let groups: Vec<(f64, f64)> = distances
            .chunk_by(|one, other| one.total_cmp(other).is_eq())
            .filter_map(|group| Some((*group.first()?, float(group.len()))))
            .collect();
        let most = groups
            .iter()
            .fold(f64::MIN_POSITIVE, |most, (distance, _)| {
                most.max(distance.abs())
            });
        let (mut angle, mut log_size) = ([0.0; TERMS], [0.0; TERMS]);
        for (distance, count) in &groups {
            let ratio = distance / most;
            let mut power = *count;
            for (angle, log_size) in angle.iter_mut().zip(&mut log_size) {
                power *= ratio;
                *angle += power;
                power *= ratio;
                *log_size += power;
            }
        }
        let mut sign = 1.0;
        for (term, (angle, log_size)) in angle.iter_mut().zip(&mut log_size).enumerate() {
            *angle *= sign / (2.0 * float(term) + 1.0);
            *log_size *= sign / (2.0 * float(term) + 2.0);
            sign = -sign;
        }
        Self {
            groups,
            most,
            angle,
            log_size,
        }
    }

    /// The sum of arc tangents, and the logarithm of the size, at `t`.
    fn at(&self, t: f64) -> (f64, f64) {
        let small = t * self.most;
        if small <= SERIES_MAX {
            let square = small * small;
            let series = |coefficients: &[f64]| {
                let terms = coefficients.iter().rev();
                terms.fold(0.0, |sum, coefficient| sum * square + coefficient)
            };
            return (small * series(&self.angle), square * series(&self.log_size));
        }
        let (mut angle, mut log_size) = (0.0, 0.0);
        for (distance, count) in &self.groups {
            let at = distance * t;
            angle += count * at.atan();
            log_size += count * 0.5 * (at * at).ln_1p();
        }
        (angle, log_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_alone_are_a_power() {
        for rows in [1, 10, 72, 194] {
            let found = chance_below(&vec![0.0; rows], -0.05);
            let exact = 0.95_f64.powi(i32::try_from(rows).unwrap());
            assert!((found - exact).abs() < 1e-9, "{rows}: {found} for {exact}");
        }
        // The rows from which ties alone show "not worse".
        for (margin, enough) in [(0.02, 194), (0.05, 77), (0.1, 38)] {
            let chance = |rows| chance_below(&vec![0.0; rows], -margin);
            assert!(chance(enough) <= super::super::not_worse::ERROR_AT_END + 1e-3);
            assert!(chance(enough - 3) > super::super::not_worse::ERROR_AT_END);
        }
    }

    #[test]
    fn the_series_is_the_sum() {
        let differences: Vec<f64> = (0..300)
            .map(|n| f64::from(n * 37 % 101) / 60.0 - 0.8)
            .collect();
        let mut distances = Distances::new(&differences, 0.013);
        for t in [1e-9, 1e-4, 0.01, 0.1, SERIES_MAX / distances.most] {
            let (angle, log_size) = distances.at(t);
            let most = std::mem::replace(&mut distances.most, f64::INFINITY);
            let (exact_angle, exact_size) = distances.at(t);
            distances.most = most;
            assert!(
                (angle - exact_angle).abs() < 1e-11,
                "{t}: {angle} for {exact_angle}"
            );
            assert!(
                (log_size - exact_size).abs() < 1e-11,
                "{t}: {log_size} for {exact_size}"
            );
        }
    }

    #[test]
    fn a_better_row_lowers_the_chance() {
        let mut differences = vec![-0.1, 0.2, 0.05, 0.0, 0.3, -0.4, 0.1];
        let before = chance_below(&differences, 0.0);
        differences[5] = -0.2;
        assert!(chance_below(&differences, 0.0) < before);
    }
}
