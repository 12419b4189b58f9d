//! Merging points by step, within a limit.

use std::collections::BTreeMap;

use super::point::Point;

/// Adds `read` to `stored`, which stays in the order of steps and within `most` points.
pub(super) fn into(stored: &mut Vec<Point>, read: Vec<Point>, most: usize) {
    let mut by_step: BTreeMap<u64, Point> = BTreeMap::new();
    for point in stored.drain(..).chain(read) {
        by_step.insert(point.step, point);
    }
    stored.extend(by_step.into_values());
    thin(stored, most);
}

/// Keeps at most `most` points: the first, the last and the lowest, and the first one of each of
/// equal spans of steps.
///
/// By steps, not by number: what is left of earlier samples must not weigh more or less than what is
/// new.
fn thin(points: &mut Vec<Point>, most: usize) {
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
        return;
    };
    if points.len() <= most {
        return;
    }
    let lowest = points
        .iter()
        .filter_map(|point| Some((point.loss?, point.step)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, step)| step);
    // Two are kept whatever their span: the last and the lowest.
    let spans = u128::try_from(most.saturating_sub(2)).unwrap_or(u128::MAX);
    let length = u128::from(last.step - first.step) + 1;
    let mut open = None;
    points.retain(|point| {
        let span = u128::from(point.step - first.step) * spans / length;
        let opens = open != Some(span);
        open = Some(span);
        opens || point.step == last.step || Some(point.step) == lowest
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(steps: impl IntoIterator<Item = u64>) -> Vec<Point> {
        let point = |step| Point::new(step, 1.0);
        steps.into_iter().map(point).collect()
    }

    #[test]
    fn a_long_series_is_thinned_evenly_and_keeps_its_lowest_point() {
        let mut stored = Vec::new();
        let mut read = points(0..10_000);
        read[4_321].loss = Some(0.5);
        into(&mut stored, read, 1_000);
        let steps: Vec<u64> = stored.iter().map(|point| point.step).collect();
        assert!((990..=1_000).contains(&steps.len()), "{}", steps.len());
        assert!(steps.contains(&4_321));
        assert_eq!((steps.first(), steps.last()), (Some(&0), Some(&9_999)));
        let gaps = steps.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.max() <= Some(12));
    }

    #[test]
    fn a_value_that_is_not_a_number_is_not_the_lowest() {
        let mut stored = points(0..20);
        stored[7].loss = None;
        into(&mut stored, points([20]), 5);
        assert!(stored.len() <= 5, "{stored:?}");
    }

    proptest! {
        #[test]
        fn samples_stay_sorted_bounded_and_keep_their_ends(
            samples in prop::collection::vec(prop::collection::vec(0_u64..5_000, 0..80), 1..8),
            most in 3_usize..60,
        ) {
            let mut stored = Vec::new();
            let mut all = std::collections::BTreeSet::new();
            for sample in samples {
                all.extend(sample.iter().copied());
                into(&mut stored, points(sample), most);
                prop_assert!(stored.len() <= most);
                prop_assert!(stored.windows(2).all(|pair| pair[0].step < pair[1].step));
                prop_assert_eq!(stored.first().map(|point| point.step), all.first().copied());
                prop_assert_eq!(stored.last().map(|point| point.step), all.last().copied());
            }
        }
    }
}
