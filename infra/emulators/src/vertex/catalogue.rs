//! The Gemini models that exist, can be tuned, or are retired; the data is in `models.json`.

use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| serde_json::from_str(include_str!("models.json")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
struct Catalogue {
    as_of: String,
    models: Vec<Model>,
}

/// A model of the publisher `google`.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    /// The name in `publishers/google/models/…`.
    pub(super) id: String,
    /// The adapter sizes that tuning allows; empty if the model cannot be tuned.
    #[serde(default)]
    pub(super) adapter_sizes: Vec<u8>,
    /// Whether `thinkingConfig.thinkingBudget` is supported; newer models take only `thinkingLevel`.
    #[serde(default)]
    pub(super) thinking_budget: bool,
    /// The day from which on the name answers 404.
    #[serde(default)]
    retired_on: Option<NaiveDate>,
}

impl Model {
    /// Whether the model is retired at `now`.
    pub(super) fn is_retired(&self, now: DateTime<Utc>) -> bool {
        self.retired_on.is_some_and(|day| now.date_naive() >= day)
    }

    /// Whether supervised tuning accepts this model.
    pub(super) fn is_tunable(&self) -> bool {
        !self.adapter_sizes.is_empty()
    }
}

/// The model `id`, retired or not.
pub(super) fn find(id: &str) -> Option<&'static Model> {
    CATALOGUE.models.iter().find(|model| model.id == id)
}

/// The tunable models at `now`, for messages.
pub(super) fn tunable(now: DateTime<Utc>) -> String {
    let names: Vec<&str> = CATALOGUE
        .models
        .iter()
        .filter(|model| model.is_tunable() && !model.is_retired(now))
        .map(|model| model.id.as_str())
        .collect();
    format!("{} (as of {})", names.join(", "), CATALOGUE.as_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, now: &str, tunable: bool, retired: bool) {
        let model = find(id).unwrap();
        let now = now.parse().unwrap();
        assert_eq!(
            (model.is_tunable(), model.is_retired(now)),
            (tunable, retired),
            "{id}"
        );
    }

    #[test]
    fn models_retire_on_their_day() {
        check("gemini-3.1-flash-lite", "2026-11-22T00:00:00Z", true, false);
        check("gemini-2.5-flash", "2026-10-19T23:59:59Z", true, false);
        check("gemini-2.5-flash", "2026-10-20T00:00:00Z", true, true);
        check("gemini-3.8-flash", "2026-11-22T00:00:00Z", false, false);
    }

    #[test]
    fn the_catalogue_is_dated() {
        assert_eq!(CATALOGUE.as_of.len(), "2026-11-22".len());
    }
}
