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

/// The chance that the weighted mean of `differences`, with one more of −1, is at most `bound`.
pub fn chance_below(differences: &[f64], bound: f64) -> f64 {
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
    let squares: f64 = groups
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
        let mut angle = 0.0;
        let mut log_size = 0.0;
        for (distance, count) in &groups {
            let at = distance * t;
            angle += count * at.atan();
            log_size += count * 0.5 * (at * at).ln_1p();
        }
        if log_size > NEGLIGIBLE {
            break;
        }
        let ends = if step == 0 || step == STEPS { 0.5 } else { 1.0 };
        sum += ends * angle.sin() * (-log_size).exp();
    }
    (0.5 - sum * STEP / PI).clamp(0.0, 1.0)
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
    fn a_better_row_lowers_the_chance() {
        let mut differences = vec![-0.1, 0.2, 0.05, 0.0, 0.3, -0.4, 0.1];
        let before = chance_below(&differences, 0.0);
        differences[5] = -0.2;
        assert!(chance_below(&differences, 0.0) < before);
    }
}
