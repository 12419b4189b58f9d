//! The curve in words, for screen readers.

use shared::{
    curve::Point,
    quantity::{count, number},
};

use super::{gaps, plotted_loss};

/// Describes both series, each in the order of its steps.
pub(super) fn describe(train: &[Point], eval: &[Point]) -> String {
    let numbers = |points: &[Point]| -> Vec<(u64, f64)> {
        let numbers = points
            .iter()
            .filter_map(|point| Some((point.step, plotted_loss(point)?)));
        numbers.collect()
    };
    let mut sentences = Vec::new();
    if let [(_, first), .., (step, last)] = numbers(train).as_slice() {
        sentences.push(format!(
            "The loss on training rows went from {} to {} by step {}.",
            number(*first),
            number(*last),
            count(*step)
        ));
    }
    let eval_numbers = numbers(eval);
    let best = eval_numbers.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
    if let Some((step, loss)) = best {
        sentences.push(format!(
            "The loss on validation rows was lowest, {}, at step {}.",
            number(*loss),
            count(*step)
        ));
    }
    let first_gap = gaps(train).chain(gaps(eval)).map(|point| point.step).min();
    if let Some(step) = first_gap {
        sentences.push(format!("At step {} a loss was not a number.", count(step)));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[track_caller]
    fn check(train: &[f64], eval: &[f64], expected: &str) {
        let curve = sample::curve(train, eval);
        assert_eq!(describe(&curve.train, &curve.eval), expected);
    }

    #[test]
    fn the_curve_is_described_in_words() {
        check(&[], &[], "");
        check(
            &[2.0, 1.0, f64::NAN],
            &[0.9, 0.8, 0.95],
            "The loss on training rows went from 2 to 1 by step 20. \
             The loss on validation rows was lowest, 0.8, at step 20. \
             At step 30 a loss was not a number.",
        );
    }
}
