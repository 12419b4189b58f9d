//! The logarithm of the gamma function, which the standard library does not have.

/// Lanczos's approximation with g = 7 and nine terms: right to about fifteen digits for positive numbers.
/// Source: C. Lanczos, "A precision approximation of the gamma function", 1964; coefficients of P. Godfrey, 2001.
const COEFFICIENTS: [f64; 8] = [
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// ln Γ(x) for x ≥ 0.5.
pub(super) fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    let mut place = x;
    for coefficient in COEFFICIENTS {
        place += 1.0;
        sum += coefficient / place;
    }
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// ln B(a, b).
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_continues_the_factorial() {
        let mut log_factorial = 0.0_f64;
        for n in 1..200 {
            let n = f64::from(n);
            log_factorial += n.ln();
            let found = ln_gamma(n + 1.0);
            assert!((found - log_factorial).abs() < 1e-11, "{n}: {found}");
        }
        let half = std::f64::consts::PI.sqrt().ln();
        assert!((ln_gamma(0.5) - half).abs() < 1e-13);
    }
}
