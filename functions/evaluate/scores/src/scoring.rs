//! Scores of many pairs, on several threads.

use std::num::NonZero;

use crate::{
    metric::{Metric, Scratch},
    metrics::scored,
};

/// Pairs that a thread is worth starting for.
const PAIRS_PER_THREAD_MIN: usize = 64;

/// The scores of every pair of prediction and reference, one list for each metric, in the order of the pairs.
/// What metrics share of a pair, such as its words, is read once.
pub fn score_all(metrics: &[&dyn Metric], pairs: &[(&str, &str)]) -> Vec<Vec<f64>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(pairs.len() / PAIRS_PER_THREAD_MIN).max(1);
    let chunk = pairs.len().div_ceil(threads).max(1);
    let parts: Vec<Vec<Vec<f64>>> = std::thread::scope(|scope| {
        let mut chunks = pairs.chunks(chunk);
        let first = chunks.next().unwrap_or_default();
        let others: Vec<_> = chunks
            .map(|chunk| (chunk, scope.spawn(move || score(metrics, chunk))))
            .collect();
        let first = score(metrics, first);
        let others = others.into_iter().map(|(chunk, thread)| {
            // A thread that panicked is repeated here, where the panic reaches the caller.
            thread.join().unwrap_or_else(|_panic| score(metrics, chunk))
        });
        std::iter::once(first).chain(others).collect()
    });
    let of_metric = |index| {
        let lists = parts
            .iter()
            .filter_map(move |part: &Vec<Vec<f64>>| part.get(index));
        lists.flatten().copied().collect()
    };
    (0..metrics.len()).map(of_metric).collect()
}

/// The same, on this thread.
fn score(metrics: &[&dyn Metric], pairs: &[(&str, &str)]) -> Vec<Vec<f64>> {
    let mut scratch = Scratch::default();
    let mut scores: Vec<Vec<f64>> = metrics
        .iter()
        .map(|_| Vec::with_capacity(pairs.len()))
        .collect();
    for (prediction, reference) in pairs {
        let mut pair = scratch.pair(scored(prediction), scored(reference));
        for (metric, scores) in metrics.iter().zip(&mut scores) {
            scores.push(metric.score(&mut pair));
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::METRICS;

    #[test]
    fn threads_do_not_change_scores() {
        let texts: Vec<String> = (0..300)
            .map(|n| format!("the answer to {n} is {}", n % 7))
            .collect();
        let pairs: Vec<(&str, &str)> = texts
            .iter()
            .zip(texts.iter().skip(1))
            .map(|(one, other)| (one.as_str(), other.as_str()))
            .collect();
        assert_eq!(score_all(METRICS, &pairs), score(METRICS, &pairs));
        assert_eq!(score_all(METRICS, &[]).len(), METRICS.len());
    }
}
