//! Rows that come from one document, conversation or caller agree with each other: bet row by row, twenty
//! sources of ten rows give a false verdict in 11 %. So each source is one bet.

use std::collections::BTreeMap;

/// Sources that differ below which no claim is possible: nine wins in a row are the first that stop.
pub const SOURCES_MIN: usize = 9;

/// One difference for each source, in the order of their first rows: the sum of its differences, over the rows
/// of the largest source, so that none is beyond 1.
pub fn per_source<'a>(rows: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<f64> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sums: Vec<(f64, u32)> = Vec::new();
    for (source, difference) in rows {
        let place = *places.entry(source).or_insert(sums.len());
        if place == sums.len() {
            sums.push((0.0, 0));
        }
        if let Some((sum, count)) = sums.get_mut(place) {
            *sum += difference;
            *count += 1;
        }
    }
    let largest = sums.iter().map(|(_, count)| *count).max().unwrap_or(1);
    sums.into_iter()
        .map(|(sum, _)| sum / f64::from(largest))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_their_own_are_bets_of_their_own() {
        let rows = ["a", "b", "c"].map(|source| (source, 0.5));
        assert_eq!(per_source(rows), [0.5; 3]);
        assert_eq!(per_source([]), [] as [f64; 0]);
    }
}
