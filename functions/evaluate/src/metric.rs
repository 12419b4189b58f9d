//! A metric: a pure function of two texts.

/// One way to compare an answer with its reference.
///
/// Scoring is CPU-bound, so a service calls it from a blocking thread.
pub trait Metric: Sync {
    /// The name under which scores are stored and shown. Never changes once released.
    fn name(&self) -> &'static str;

    /// One sentence for readers of the scores.
    fn doc(&self) -> &'static str;

    /// Whether a row with this reference can be measured. Rows that cannot are left out for both models alike.
    fn applies(&self, _reference: &str) -> bool {
        true
    }

    /// From 0 (nothing in common) to 1 (as good as the reference). Always finite.
    fn score(&self, prediction: &str, reference: &str) -> f64;
}
