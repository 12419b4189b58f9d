//! What `rouge1` and `rougeL` share: Google's `rouge_score`, as the crate `rougers` ports it.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004; `rouge_score` 0.1.2
//! with `use_stemmer=True`. `rougers` agrees with it bit for bit. ROUGE sees `[a-z0-9]+` only, so any
//! text in another script scores 0; `compare/primary.rs` picks another metric for such references.

use rougers::{RougeScorer, RougeType};

/// One kind of ROUGE. A scorer computes every kind that it is made with, so each metric has its own.
pub(super) struct Rouge {
    kind: RougeType,
    scorer: RougeScorer,
}

impl Rouge {
    /// The kind that `rouge_score` calls `name`.
    #[expect(
        clippy::expect_used,
        reason = "every name is a constant that rougers knows; a test scores with each"
    )]
    pub(super) fn new(name: &'static str, kind: RougeType) -> Self {
        let scorer = RougeScorer::new([name], true).expect("a name that rougers knows");
        Self { kind, scorer }
    }

    /// The F-measure, 0 to 1.
    pub(super) fn f_measure(&self, prediction: &str, reference: &str) -> f64 {
        let scores = self.scorer.score(reference, prediction);
        scores.get(self.kind).map_or(0.0, |score| score.fmeasure)
    }
}
