//! What planning knows of cleaned rows, from their version or from a check before the upload.

use shared::{
    dataset::{RowTokens, Version},
    id::DatasetName,
    policy::DatasetPolicy,
    price::PassTokens,
    quantity,
    recipe::Recipe,
};

/// What planning knows of cleaned rows.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// Their dataset.
    pub dataset: &'a DatasetName,
    /// Their recipe.
    pub recipe: &'a Recipe,
    /// Whether the recipe was uploaded; `None` where that is not known.
    pub recipe_found: Option<bool>,
    /// Whether a person accepted them as they were cleaned.
    pub is_accepted: bool,
    /// Rows in the upload.
    pub read: u64,
    /// Rows that were rejected.
    pub rejected: u64,
    /// Rows to train on.
    pub train: u64,
    /// Rows to measure the evaluation loss on.
    pub validation: u64,
    /// Rows to compare models with.
    pub eval: u64,
    /// Estimated tokens of a pass.
    pub pass: PassTokens,
    /// Estimated tokens of a row.
    pub row_tokens: RowTokens,
}

impl<'a> PlanInput<'a> {
    /// What is known of `version`.
    pub fn of(version: &'a Version) -> Self {
        let rows = |part: &str| version.parts.get(part).map_or(0, |part| part.rows);
        Self {
            dataset: &version.dataset,
            recipe: &version.recipe,
            recipe_found: version.recipe_found,
            is_accepted: version.is_accepted(),
            read: version.rows.read,
            rejected: version.rows.rejected,
            train: rows("train"),
            validation: rows("validation"),
            eval: rows("eval"),
            pass: PassTokens {
                low: version.tokens,
                high: version.tokens_max,
            },
            row_tokens: version.row_tokens,
        }
    }

    /// Why a person must approve them, whatever they cost: too many of them were rejected.
    pub fn too_many_rejected(&self, rules: &DatasetPolicy) -> Option<String> {
        if self.read == 0 || self.is_accepted {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
        let percent = self.rejected as f64 * 100.0 / self.read as f64;
        let most = rules.rejected_percent_max;
        (percent > most).then(|| {
            format!(
                "{} of {} were rejected, above rejected_percent_max = {} of the policy: look at \
                 rejected.jsonl, then approve it or upload better rows",
                quantity::count(self.rejected),
                quantity::things(self.read, "row"),
                quantity::number(most),
            )
        })
    }
}
