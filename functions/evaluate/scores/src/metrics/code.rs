//! `code`: the Indel ratio over the tokens of source code, in which neither indentation nor line breaks
//! nor a Markdown fence count. Of any language, since it parses none.
//!
//! Source: edit similarity of Svyatkovskiy et al., "IntelliCode Compose: code generation using
//! transformer", 2020, over tokens rather than characters; `rapidfuzz` (`Indel.normalized_similarity` of
//! lists).

use crate::{
    metric::{Metric, TextPair, count},
    text::form::TextForm,
};

/// See the module.
#[derive(Debug)]
pub struct Code;

/// The metric.
pub const CODE: Code = Code;

impl Metric for Code {
    fn name(&self) -> &'static str {
        "code"
    }

    fn doc(&self) -> &'static str {
        "Share of the tokens of source code that are kept when the answer is edited into the reference."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let (tokens, kernels) = pair.read(TextForm::Code);
        let (prediction, reference) = (tokens.prediction, tokens.reference);
        let both = prediction.len() + reference.len();
        if both == 0 {
            return 1.0;
        }
        let lcs = kernels.lcs.length(prediction, reference, tokens.symbols);
        2.0 * count(lcs) / count(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rapidfuzz() {
        golden::check(1e-12, &CODE, |row| row.code);
    }
}
