//! The outcome of an upload, and the immutable versions of a dataset.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    google::documents::Document,
    id::{DatasetName, VersionId},
    policy::Residency,
    recipe::Recipe,
    run::kept_reason,
    uri::Artifact,
};

/// How `clean` ended with one uploaded generation: document `uploads/{digest of its address}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// The uploaded generation.
    pub artifact: Artifact,
    /// The dataset it belongs to.
    pub dataset: DatasetName,
    /// How it ended.
    pub outcome: UploadOutcome,
    /// In plain words, for people.
    pub note: String,
    /// The version it led to.
    #[serde(default)]
    pub version: Option<VersionId>,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl Document for Upload {
    const COLLECTION: &'static str = "uploads";
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadOutcome {
    /// It became a version, or was one already.
    Cleaned,
    /// Nothing in it can be trained on, or its recipe is wrong.
    Rejected,
    /// It is not data: a folder's placeholder, a recipe.
    Ignored,
    /// It was deleted or replaced before it was read.
    Gone,
}

/// One immutable cleaned state of a dataset: document `versions/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its name.
    pub id: VersionId,
    /// The dataset that it is a version of.
    pub dataset: DatasetName,
    /// The uploaded generation it was made from.
    pub source: Artifact,
    /// CRC32C of the uploaded bytes, as Cloud Storage states it: four bytes in base64.
    pub source_crc32c: String,
    /// Size of the upload in bytes.
    pub source_bytes: u64,
    /// The recipe it was uploaded with.
    pub recipe: Recipe,
    /// Whether that recipe was in the folder; without one, the default recipe counts. Absent of
    /// versions made before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_found: Option<bool>,
    /// The address of the person who uploaded the rows, where the object says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploader: Option<String>,
    /// Where its rows stay, by the policy at the time it was made. Absent where the policy could not be read
    /// then, and of versions made before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Residency>,
    /// The format its rows had.
    pub format: String,
    /// The version of the code that cleaned it.
    pub code_version: String,
    /// What happened to its rows.
    pub rows: Rows,
    /// How many rows have each finding.
    pub codes: BTreeMap<String, u64>,
    /// Estimated tokens of the training rows, one pass.
    pub tokens: u64,
    /// The same, at most: each answer with all that precedes it. 0 of versions made before it
    /// was counted.
    #[serde(default)]
    pub tokens_max: u64,
    /// Estimated tokens of a row, as planning needs them. Zeros of versions made before they were
    /// recorded.
    #[serde(default)]
    pub row_tokens: RowTokens,
    /// Whether the answers are texts or labels.
    pub task: String,
    /// Which prompt the rows were put into: a digest of the recipe's template and system
    /// instruction. Absent where there is neither, and of versions made before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version: Option<String>,
    /// The earlier versions whose `eval` rows it does not train on. Empty of the first version of
    /// a dataset, and of versions made before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<VersionId>,
    /// The objects that hold it, by part: `train`, `validation`, `eval`, `rejected`,
    /// `corrected`, `report`, `card`, `manifest`.
    pub parts: BTreeMap<String, StoredFile>,
    /// Why a person must look at it before anything is planned for it, and who did. Absent where there is
    /// no reason, and of versions made before there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Version {
    /// Whether nothing is planned for it until a person accepts it.
    pub fn awaits_review(&self) -> bool {
        let review = self.review.as_ref();
        review.is_some_and(|review| review.state == ReviewState::AwaitingReview)
    }

    /// Whether a person accepted it as it is.
    pub fn is_accepted(&self) -> bool {
        let review = self.review.as_ref();
        review.is_some_and(|review| review.state == ReviewState::Accepted)
    }

    /// Accepts it in the name of `by`, who gives `why` as the reason; what was accepted before stays so.
    ///
    /// # Errors
    ///
    /// Where nothing had to be looked at.
    pub fn accept(&mut self, by: &str, why: &str, at: DateTime<Utc>) -> Result<(), String> {
        let Some(review) = &mut self.review else {
            return Err(format!(
                "version {} does not wait for a person: its run is planned without a review",
                self.id
            ));
        };
        if review.state == ReviewState::AwaitingReview {
            review.state = ReviewState::Accepted;
            by.clone_into(&mut review.by);
            review.why = kept_reason(why);
            review.at = Some(at);
        }
        Ok(())
    }
}

/// Why a person must look at a version, and who did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Whether a person has accepted the version.
    pub state: ReviewState,
    /// Why it waits, in sentences for people.
    pub reasons: Vec<String>,
    /// Who accepted it; empty until then.
    #[serde(default)]
    pub by: String,
    /// The reason that person gave.
    #[serde(default)]
    pub why: String,
    /// When that was.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
}

/// Whether a person has accepted a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// A person must do so first: nothing is planned for it.
    AwaitingReview,
    /// A person has accepted it.
    Accepted,
}

impl Review {
    /// A review that waits for a person; `None` where there is no reason for one.
    pub fn of(reasons: Vec<String>) -> Option<Self> {
        (!reasons.is_empty()).then_some(Self {
            state: ReviewState::AwaitingReview,
            reasons,
            by: String::new(),
            why: String::new(),
            at: None,
        })
    }
}

impl Document for Version {
    const COLLECTION: &'static str = "versions";
}

/// Every row is one of these: `read = kept + rejected + duplicate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows in the upload.
    pub read: u64,
    /// Rows in the version.
    pub kept: u64,
    /// Rows that cannot be trained on, each with its reason in `rejected.jsonl`.
    pub rejected: u64,
    /// Rows that repeat an earlier one.
    pub duplicate: u64,
}

/// Estimated tokens of the kept rows of a version, per row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowTokens {
    /// The mean of questions, system instructions included.
    pub input_mean: u64,
    /// The mean of answers.
    pub output_mean: u64,
    /// The median of answers.
    pub output_median: u32,
    /// The longest question.
    pub input_max: u32,
    /// The rows that the sums are of. 0 of versions made before sums were recorded.
    pub rows: u64,
    /// All questions together.
    pub input_sum: u64,
    /// All answers together.
    pub output_sum: u64,
}

impl RowTokens {
    /// The tokens of questions and of answers of a number of rows like these, rounded up.
    pub fn of_rows(&self, rows: u64) -> (u64, u64) {
        if self.rows == 0 {
            let (input, output) = (self.input_mean, self.output_mean);
            return (input.saturating_mul(rows), output.saturating_mul(rows));
        }
        let share = |sum: u64| {
            let scaled = (u128::from(sum) * u128::from(rows)).div_ceil(u128::from(self.rows));
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        (share(self.input_sum), share(self.output_sum))
    }
}

/// The folder that a dataset's rows come from: document `datasets/{name}`, written once.
///
/// The name of a dataset is its folder's, in the characters that a name can have, so that two folders
/// may lead to one name. The first one has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFolder {
    /// The dataset.
    pub dataset: DatasetName,
    /// The folder as it was uploaded to, or the stem of a file that is in none.
    pub folder: String,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl Document for DatasetFolder {
    const COLLECTION: &'static str = "datasets";
}

/// One object of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Where it is.
    pub artifact: Artifact,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(review: Option<&Review>) -> Version {
        serde_json::from_value(serde_json::json!({
            "id": "a-b", "dataset": "a", "source": {"uri": "gs://b/o", "generation": 1},
            "source_crc32c": "", "source_bytes": 1, "recipe": {}, "format": "", "code_version": "",
            "rows": {"read": 1, "kept": 1, "rejected": 0, "duplicate": 0}, "codes": {}, "tokens": 1,
            "task": "", "parts": {}, "created_at": DateTime::UNIX_EPOCH, "review": review,
        }))
        .unwrap()
    }

    #[test]
    fn tokens_of_many_rows_follow_from_sums_and_not_from_rounded_means() {
        let mut tokens = RowTokens {
            input_mean: 19,
            output_mean: 27,
            rows: 300,
            input_sum: 5_863,
            output_sum: 8_360,
            ..RowTokens::default()
        };
        assert_eq!(tokens.of_rows(1_000), (19_544, 27_867));
        tokens.input_sum = u64::MAX;
        assert_eq!(tokens.of_rows(1_000).0, u64::MAX);
        // A version made before sums were recorded.
        tokens.rows = 0;
        assert_eq!(tokens.of_rows(1_000), (19_000, 27_000));
    }

    #[test]
    fn a_version_waits_until_it_is_accepted_once() {
        let mut waits = version(Review::of(vec!["few rows".to_owned()]).as_ref());
        assert!(waits.awaits_review() && !waits.is_accepted());
        for (by, why) in [("ada", "they are enough"), ("bob", "again")] {
            waits.accept(by, why, DateTime::UNIX_EPOCH).unwrap();
            let review = waits.review.as_ref().unwrap();
            assert_eq!(
                (review.by.as_str(), review.why.as_str()),
                ("ada", "they are enough")
            );
            assert!(waits.is_accepted() && !waits.awaits_review());
        }
        let mut other = version(Review::of(Vec::new()).as_ref());
        assert!(!other.awaits_review() && !other.is_accepted());
        assert!(other.accept("ada", "", DateTime::UNIX_EPOCH).is_err());
    }
}
