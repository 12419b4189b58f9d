//! `policy.toml`: who may spend and deploy what. It is the operator's, never the uploader's.
//!
//! One object in a versioned bucket that only operators can write. Its generation is recorded with
//! every decision that was made by it. A recipe can only be stricter than the policy.

mod parse;

use std::{fmt, str::FromStr};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    id::DatasetName,
    spend::{Caps, Usd},
};

/// Bytes of a policy that are read: some thousand datasets.
pub const FILE_MAX_BYTES: u64 = 256 << 10;
/// The policy that a new project starts with.
pub const DEFAULT: &str = include_str!("policy/default.toml");

/// What is wrong with a policy: every fault, each with its field, what was found and what was
/// expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy.toml: {}", .0.join("; "))]
pub struct InvalidPolicy(pub Vec<String>);

/// The whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// `[spend]`.
    pub spend: SpendPolicy,
    /// `[[dataset]]`, in the file's order.
    pub datasets: Vec<DatasetPolicy>,
}

/// A policy, and which generation of its object it is.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPolicy {
    /// The policy.
    pub policy: Policy,
    /// The generation of the object.
    pub generation: i64,
}

/// `[spend]`: what everything together may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendPolicy {
    /// `run_usd`: no run costs more, approved or not.
    pub run: Usd,
    /// `day_usd`: all runs of a day of UTC.
    pub day: Usd,
    /// `month_usd`: all runs of a month of UTC.
    pub month: Usd,
    /// `approve_above_usd`: a run that costs more waits for a person. A recipe may lower it.
    pub approve_above: Usd,
    /// `serving_day_usd`: what `predict` may spend in a day of UTC.
    pub serving_day: Usd,
    /// `stopped`: nothing is bought while it is set.
    pub stopped: bool,
    /// `price_age_days_max`: days after which a price is too old to buy by.
    pub price_age_days_max: u32,
}

impl SpendPolicy {
    /// The caps of a day and of a month.
    pub fn caps(&self) -> Caps {
        Caps {
            day: self.day,
            month: self.month,
        }
    }

    /// Whether a price that was checked on the day `as_of` may still be bought by on `today`.
    pub fn is_fresh(&self, as_of: NaiveDate, today: NaiveDate) -> bool {
        (today - as_of).num_days() <= i64::from(self.price_age_days_max)
    }

    /// The amount above which a run waits for a person, where its recipe says `budget_usd`: the lower
    /// of the two.
    pub fn approve_above(&self, budget_usd: f64) -> Usd {
        if budget_usd > self.approve_above.dollars() {
            return self.approve_above;
        }
        // A budget that is not a number, which no recipe has, allows nothing.
        Usd::rounded_down(budget_usd).unwrap_or_default()
    }
}

/// `[[dataset]]`: what the datasets that its name matches may do.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetPolicy {
    /// `name`: a dataset, or with a `*` at its end the beginning of the names of several.
    pub name: String,
    /// `models`: the routes that its runs may take; `None` is the dataset's own name.
    pub models: Option<Vec<DatasetName>>,
    /// `base_models`: the models that it may be tuned on; `None` is any.
    pub base_models: Option<Vec<String>>,
    /// `location`: where its rows, prompts and answers stay.
    pub location: Residency,
    /// `recipe_required`: whether rows without a recipe wait.
    pub recipe_required: bool,
    /// `rejected_percent_max`: a version with more rejected rows, in per cent, waits for a person.
    pub rejected_percent_max: f64,
    /// `eval_rows_min`: a version with fewer rows held out for evaluation waits for a person.
    pub eval_rows_min: u64,
}

impl DatasetPolicy {
    /// The rules of a dataset that no entry matches.
    pub fn unnamed() -> Self {
        Self {
            name: "*".to_owned(),
            models: None,
            base_models: None,
            location: Residency::Global,
            recipe_required: false,
            rejected_percent_max: 100.0,
            eval_rows_min: 1,
        }
    }

    /// How well its name matches `dataset`: an exact name before every prefix, a longer prefix before
    /// a shorter one; `None` where it does not match.
    fn rank(&self, dataset: &str) -> Option<(bool, usize)> {
        match self.name.strip_suffix('*') {
            Some(prefix) => dataset.starts_with(prefix).then_some((false, prefix.len())),
            None => (self.name == dataset).then_some((true, self.name.len())),
        }
    }

    /// Whether a run of `dataset` may take the route `model`.
    pub fn allows_model(&self, dataset: &DatasetName, model: &DatasetName) -> bool {
        match &self.models {
            Some(models) => models.contains(model),
            None => model == dataset,
        }
    }

    /// Whether its datasets may be tuned on `base_model`.
    pub fn allows_base_model(&self, base_model: &str) -> bool {
        let listed = self.base_models.as_ref();
        listed.is_none_or(|listed| listed.iter().any(|allowed| allowed == base_model))
    }
}

/// Where rows, prompts and answers stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residency {
    /// In the United States.
    Us,
    /// In the European Union.
    Eu,
    /// Wherever the service likes.
    #[default]
    Global,
}

impl Residency {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Us, Self::Eu, Self::Global];

    /// The location of calls with prompts and rows, as Vertex AI spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Global => "global",
        }
    }

    /// The region that tuning jobs run in; `default` is the project's own, for what may be anywhere.
    /// Tuning takes no multi-region, and no region but these two.
    pub fn tuning_region(self, default: &str) -> &str {
        match self {
            Self::Us => "us-central1",
            Self::Eu => "europe-west4",
            Self::Global => default,
        }
    }

    /// The location that a model tuned in `region` is served at: the multi-region around it, even where the
    /// rows may be anywhere.
    pub fn serving_location(self, region: &str) -> &'static str {
        match (self, region.split_once('-')) {
            (Self::Us, _) | (Self::Global, Some(("us", _))) => "us",
            (Self::Eu, _) | (Self::Global, Some(("europe", _))) => "eu",
            (Self::Global, _) => "global",
        }
    }
}

impl FromStr for Residency {
    type Err = UnknownLocation;

    fn from_str(text: &str) -> Result<Self, UnknownLocation> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|location| location.as_str() == text);
        found.ok_or_else(|| UnknownLocation(text.to_owned()))
    }
}

/// A text that names no [`Residency`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected us, eu or global, found `{0}`")]
pub struct UnknownLocation(String);

impl fmt::Display for Residency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Policy {
    /// The rules of `dataset`: those of the entry that matches it best.
    pub fn for_dataset(&self, dataset: &DatasetName) -> DatasetPolicy {
        let ranked = self.datasets.iter().filter_map(|entry| {
            let rank = entry.rank(dataset.as_str())?;
            Some((rank, entry))
        });
        let best = ranked.max_by_key(|(rank, _)| *rank);
        best.map_or_else(DatasetPolicy::unnamed, |(_, entry)| entry.clone())
    }
}

#[cfg(test)]
mod tests;
