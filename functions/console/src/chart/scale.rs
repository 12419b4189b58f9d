//! Maps values to positions in a drawing, and places the ticks.

/// Margin on both sides of a single value, as a share of it.
const PAD: f64 = 0.1;
/// Most ticks of an axis, whatever count is asked for.
const TICKS_MAX: u32 = 20;

/// One axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// An axis that maps the finite values `low` to `high` onto two positions; equal values get a margin on both sides.
    pub(super) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let (low, high) = if high > low {
            (low, high)
        } else {
            let pad = (low.abs() * PAD).max(PAD);
            (low - pad, high + pad)
        };
        Self {
            low,
            high,
            from,
            to,
        }
    }

    /// The position of `value`.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// About `count` ticks at round values, at least `least` apart: position and label of each.
    pub(super) fn ticks(&self, count: f64, least: f64) -> Vec<(f64, String)> {
        let step = round((self.high - self.low) / count).max(least);
        let decimals = decimals(step);
        let first = (self.low / step).ceil();
        (0..TICKS_MAX)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|value| *value <= self.high)
            // Adding 0 turns a negative zero into a positive one, which has no sign in its label.
            .map(|value| (self.at(value), format!("{:.decimals$}", value + 0.0)))
            .collect()
    }
}

/// The next larger 1, 2 or 5 times a power of ten.
fn round(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = match step / power {
        share if share <= 1.0 => 1.0,
        share if share <= 2.0 => 2.0,
        share if share <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The decimals that distinguish ticks that are `step` apart.
fn decimals(step: f64) -> usize {
    let powers = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    let enough = powers.iter().position(|power| step * power >= 0.999);
    enough.unwrap_or(powers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(low: f64, high: f64, least: f64, expected: &[&str]) {
        let ticks = Scale::new((low, high), (0.0, 100.0)).ticks(5.0, least);
        let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, expected, "{low} to {high}");
        for (at, label) in &ticks {
            assert!((-0.001..=100.001).contains(at), "{label} is at {at}");
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        check(0.0, 1.0, 0.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(0.83, 2.31, 0.0, &["1.0", "1.5", "2.0"]);
        check(-0.1, 0.1, 0.0, &["-0.10", "-0.05", "0.00", "0.05", "0.10"]);
        check(0.0, 3.0, 1.0, &["0", "1", "2", "3"]);
        check(0.0, 400.0, 1.0, &["0", "100", "200", "300", "400"]);
        check(
            0.0,
            1e6,
            0.0,
            &["0", "200000", "400000", "600000", "800000", "1000000"],
        );
    }

    #[test]
    fn a_single_value_is_in_the_middle() {
        let scale = Scale::new((1.5, 1.5), (0.0, 100.0));
        assert!((scale.at(1.5) - 50.0).abs() < 1e-9);
    }
}
