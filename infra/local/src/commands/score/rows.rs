//! The rows of all files, matched with their references.

use std::path::Path;

use scores::offline::OfflineRow;

use super::prediction_file::{PredictionFile, UnusableFile};

/// Which files there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) predictions: &'a Path,
    pub(super) baseline: Option<&'a Path>,
    pub(super) serving: Option<&'a Path>,
    pub(super) others: &'a [std::path::PathBuf],
    pub(super) references: Option<&'a Path>,
}

/// The answers of one model, one for each reference; absent where the file has none.
pub(super) type Answers = Vec<Option<String>>;

/// Every reference, with the answers of all models.
#[derive(Debug)]
pub(super) struct ScoredRows {
    references: Vec<String>,
    /// Of the model in question.
    pub(super) predictions: Answers,
    pub(super) baseline: Option<Answers>,
    pub(super) serving: Option<Answers>,
    pub(super) others: Vec<Answers>,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRows {
    #[error(transparent)]
    File(#[from] UnusableFile),
    /// Without --references the predictions must have them.
    #[error("no --references, and no row of `{0}` has a `reference`")]
    NoReferences(String),
}

impl ScoredRows {
    /// Reads the files.
    pub(super) fn read(files: &Files<'_>) -> Result<Self, NoRows> {
        let predictions = PredictionFile::read(files.predictions)?;
        match files.references {
            Some(path) => Self::of_files(files, &predictions, &PredictionFile::read(path)?),
            None => Self::of_columns(files, &predictions),
        }
    }

    fn of_files(
        files: &Files<'_>,
        predictions: &PredictionFile,
        references: &PredictionFile,
    ) -> Result<Self, NoRows> {
        references.check_ids()?;
        let read = |path: &Path| PredictionFile::read(path)?.matched(references);
        let column = references.column("reference");
        let texts = references.texts();
        Ok(Self {
            // A file with both columns may be given as the references of another.
            references: match column {
                Some(column) => column
                    .into_iter()
                    .zip(texts)
                    .map(|(it, text)| it.unwrap_or(text))
                    .collect(),
                None => texts,
            },
            predictions: predictions.matched(references)?,
            baseline: files.baseline.map(read).transpose()?,
            serving: files.serving.map(read).transpose()?,
            others: files
                .others
                .iter()
                .map(|path| read(path))
                .collect::<Result<_, _>>()?,
        })
    }

    fn of_columns(files: &Files<'_>, file: &PredictionFile) -> Result<Self, NoRows> {
        let no_references = || NoRows::NoReferences(files.predictions.display().to_string());
        let references = file.column("reference").ok_or_else(no_references)?;
        let read = |path: &Path| PredictionFile::read(path)?.matched(file);
        let answers = |path: Option<&Path>, column: &str| match path {
            Some(path) => read(path).map(Some),
            None => Ok(file.column(column)),
        };
        let predictions = file.column("prediction");
        let baseline = answers(files.baseline, "baseline")?;
        let serving = answers(files.serving, "serving")?;
        let others: Vec<Answers> = files
            .others
            .iter()
            .map(|path| read(path))
            .collect::<Result<_, _>>()?;
        // Rows without a reference cannot be compared.
        let has_reference: Vec<bool> = references.iter().map(Option::is_some).collect();
        let kept = |answers: Answers| -> Answers {
            let kept = answers
                .into_iter()
                .zip(&has_reference)
                .filter(|(_, kept)| **kept);
            kept.map(|(answer, _)| answer).collect()
        };
        Ok(Self {
            predictions: kept(predictions.unwrap_or_else(|| vec![None; file.len()])),
            baseline: baseline.map(kept),
            serving: serving.map(kept),
            others: others.into_iter().map(kept).collect(),
            references: references.into_iter().flatten().collect(),
        })
    }

    /// The expected answers.
    pub(super) fn references(&self) -> Vec<&str> {
        self.references.iter().map(String::as_str).collect()
    }

    /// Each reference with the answers of two models.
    pub(super) fn pairs<'a>(
        &'a self,
        base: &'a Answers,
        tuned: &'a Answers,
    ) -> Vec<OfflineRow<'a>> {
        let answers = base.iter().zip(tuned);
        let rows = self.references.iter().zip(answers);
        rows.map(|(reference, (base, tuned))| OfflineRow {
            reference,
            base: base.as_deref(),
            tuned: tuned.as_deref(),
        })
        .collect()
    }
}
