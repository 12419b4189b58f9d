//! `jaro_winkler`: similarity of names and other short strings, in which a common beginning counts more.
//!
//! Source: Winkler, "String comparator metrics and enhanced decision rules in the Fellegi–Sunter model of
//! record linkage", 1990; `rapidfuzz` (`JaroWinkler.normalized_similarity`, prefix weight 0.1).

use rapidfuzz::distance::jaro_winkler;

use crate::metric::{Metric, TextPair};

/// See the module.
#[derive(Debug)]
pub struct JaroWinkler;

/// The metric.
pub const JARO_WINKLER: JaroWinkler = JaroWinkler;

impl Metric for JaroWinkler {
    fn name(&self) -> &'static str {
        "jaro_winkler"
    }

    fn doc(&self) -> &'static str {
        "Similarity of short strings such as names; a common beginning counts more."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        jaro_winkler::normalized_similarity(pair.prediction.chars(), pair.reference.chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rapidfuzz() {
        golden::check(1e-12, &JARO_WINKLER, |row| row.jaro_winkler);
    }
}
