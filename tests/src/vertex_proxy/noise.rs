//! Noise that is the same in every run of a test.

use std::f64::consts::TAU;

/// A value of the standard normal distribution that belongs to `seed` and `member`.
pub(super) fn normal(seed: u64, member: u64) -> f64 {
    let first = mixed(seed ^ mixed(member));
    let (radius, angle) = (unit(first), unit(mixed(first)));
    // Box and Muller, Annals of Mathematical Statistics 29 (1958).
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// In (0, 1), never 0: its logarithm is taken.
fn unit(bits: u64) -> f64 {
    let high = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    (f64::from(high) + 0.5) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_normal_and_repeats_itself() {
        let values: Vec<f64> = (0..10_000).map(|member| normal(7, member)).collect();
        let mean = values.iter().sum::<f64>() / 10_000.0;
        let variance = values.iter().map(|it| it * it).sum::<f64>() / 10_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        assert!((normal(7, 3) - values[3]).abs() < f64::EPSILON);
        assert!((normal(8, 3) - values[3]).abs() > f64::EPSILON);
    }
}
