//! `recipe.toml`: the settings of a dataset, uploaded into the folder of its rows.
//!
//! Every table and every field may be left out. Settings are strict: an unknown field is an error,
//! since a misspelt budget is an expensive one.

mod canary;
mod gone;
mod metrics;

use serde::{Deserialize, Serialize};

use self::metrics::METRICS_EXPECTED;
pub use self::{canary::CanaryRecipe, gone::GoneKnob, metrics::METRICS};
use crate::id::DatasetName;

/// The object's name in the folder of the rows.
pub const FILE_NAME: &str = "recipe.toml";
/// Bytes of a recipe that are read.
pub const FILE_MAX_BYTES: u64 = 256 << 10;

/// What is wrong with a recipe.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRecipe {
    /// It is not TOML, or has an unknown field.
    #[error("recipe.toml: {0}")]
    Syntax(String),
    /// It sets knobs that the API no longer has.
    #[error("recipe.toml: {}", all(.0))]
    Gone(Vec<GoneKnob>),
    /// A value is outside its limits.
    #[error("recipe.toml: `{field}` is {value}: {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// What was found.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
}

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// `[clean]`: read strictly by `clean`, which owns its fields.
    #[serde(default)]
    pub clean: toml::Table,
    /// `[tune]`.
    #[serde(default)]
    pub tune: Tune,
    /// `[evaluate]`.
    #[serde(default)]
    pub evaluate: Evaluate,
    /// `[deploy]`.
    #[serde(default)]
    pub deploy: Deploy,
}

/// `[tune]`: how to tune, and the budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tune {
    /// The model to start from; the tunable ones are data, see [`crate::price`].
    pub base_model: String,
    /// Passes over the training rows; `tune` chooses by their number where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// Factor on the model's own learning rate; 1 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate_multiplier: Option<f64>,
    /// Rank of the adapter: 1, 2, 4, 8 or 16; `tune` chooses by rows and answers where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_size: Option<u32>,
    /// The most that one run may cost in US dollars without a person's approval.
    pub budget_usd: f64,
}

impl Default for Tune {
    fn default() -> Self {
        Self {
            base_model: "gemini-3.1-flash-lite".to_owned(),
            epochs: None,
            learning_rate_multiplier: None,
            adapter_size: None,
            budget_usd: 25.0,
        }
    }
}

/// `[evaluate]`: how to compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evaluate {
    /// Held-out prompts that both models are asked.
    pub rows: u32,
    /// The metric that decides, see `functions/evaluate/scores/README.md`; the one that suits the task
    /// where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The largest loss that counts as not worse, on the scale from 0 to 1.
    #[serde(skip_serializing_if = "is_default_margin")]
    pub margin: f64,
    /// A model of which for certain more than one answer in twenty takes longer is ruled out, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_max_ms: Option<u64>,
    /// A model whose thousand requests cost more is ruled out, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_per_thousand_max: Option<f64>,
    /// A model whose answers for certain mostly take longer than so many times those of the other model is ruled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ratio_max: Option<f64>,
    /// A model whose requests cost more than so many times those of the other model is ruled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_ratio_max: Option<f64>,
}

/// Half a row in 25.
const MARGIN: f64 = 0.02;

/// Recipes of before there was a margin are written as they were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_default_margin(margin: &f64) -> bool {
    margin.total_cmp(&MARGIN).is_eq()
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            rows: 200,
            metric: None,
            margin: MARGIN,
            latency_max_ms: None,
            usd_per_thousand_max: None,
            latency_ratio_max: None,
            usd_ratio_max: None,
        }
    }
}

/// When a tuned model may take the route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Only if the evaluation shows it better than the base.
    #[default]
    Better,
    /// Also if it is shown to be at most a margin worse: a cheaper prompt can be worth that.
    NotWorse,
}

/// `[deploy]`: where a better model goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deploy {
    /// The name that `predict` serves it under; the dataset's where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<DatasetName>,
    /// The condition of the gate.
    pub gate: Gate,
    /// How a model that passes the gate gets from some of the callers to all.
    #[serde(skip_serializing_if = "CanaryRecipe::is_default")]
    pub canary: CanaryRecipe,
}

impl Recipe {
    /// Parses and checks a recipe.
    ///
    /// # Errors
    ///
    /// Names the field and says what is allowed.
    pub fn parse(text: &str) -> Result<Self, InvalidRecipe> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| InvalidRecipe::Syntax(one_line(&error)))?;
        let gone = gone::gone(&table);
        if !gone.is_empty() {
            return Err(InvalidRecipe::Gone(gone));
        }
        // Parsed from the text again: only then does an error know its line.
        let recipe: Self =
            toml::from_str(text).map_err(|error| InvalidRecipe::Syntax(one_line(&error)))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Writes the recipe as TOML, with the defaults of what was left out, but for those that depend on the rows.
    pub fn to_toml(&self) -> String {
        // A recipe was read from TOML, so it can be written as TOML.
        toml::to_string_pretty(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), InvalidRecipe> {
        let ensure = |holds: bool, field, value: String, expected| {
            if holds {
                return Ok(());
            }
            Err(InvalidRecipe::Value {
                field,
                value,
                expected,
            })
        };
        let Tune {
            epochs,
            learning_rate_multiplier: multiplier,
            adapter_size: size,
            budget_usd: budget,
            ..
        } = &self.tune;
        if let Some(epochs) = epochs {
            ensure(
                (1..=100).contains(epochs),
                "tune.epochs",
                epochs.to_string(),
                "must be 1 to 100",
            )?;
        }
        if let Some(multiplier) = multiplier {
            ensure(
                multiplier.is_finite() && (0.001..=100.0).contains(multiplier),
                "tune.learning_rate_multiplier",
                multiplier.to_string(),
                "must be 0.001 to 100",
            )?;
        }
        if let Some(size) = size {
            ensure(
                [1, 2, 4, 8, 16].contains(size),
                "tune.adapter_size",
                size.to_string(),
                "must be 1, 2, 4, 8 or 16",
            )?;
        }
        ensure(
            budget.is_finite() && *budget >= 0.0,
            "tune.budget_usd",
            budget.to_string(),
            "must be 0 or more US dollars",
        )?;
        let rows = self.evaluate.rows;
        ensure(
            (1..=2_000).contains(&rows),
            "evaluate.rows",
            rows.to_string(),
            "must be 1 to 2000",
        )?;
        let margin = self.evaluate.margin;
        ensure(
            margin > 0.0 && margin < 1.0,
            "evaluate.margin",
            margin.to_string(),
            "must be above 0 and below 1",
        )?;
        let usd = self.evaluate.usd_per_thousand_max;
        ensure(
            usd.is_none_or(|usd| usd.is_finite() && usd > 0.0),
            "evaluate.usd_per_thousand_max",
            usd.unwrap_or_default().to_string(),
            "must be above 0 US dollars",
        )?;
        for (field, ratio) in [
            (
                "evaluate.latency_ratio_max",
                self.evaluate.latency_ratio_max,
            ),
            ("evaluate.usd_ratio_max", self.evaluate.usd_ratio_max),
        ] {
            ensure(
                ratio.is_none_or(|ratio| ratio.is_finite() && ratio >= 1.0),
                field,
                ratio.unwrap_or_default().to_string(),
                "must be 1 or more",
            )?;
        }
        for (holds, field, value, expected) in self.deploy.canary.limits() {
            ensure(holds, field, value, expected)?;
        }
        let metric = self.evaluate.metric.as_deref();
        ensure(
            metric.is_none_or(|metric| METRICS.contains(&metric)),
            "evaluate.metric",
            metric.unwrap_or_default().to_owned(),
            METRICS_EXPECTED,
        )
    }
}

/// The knobs in one line.
fn all(knobs: &[GoneKnob]) -> String {
    let knobs: Vec<String> = knobs.iter().map(GoneKnob::to_string).collect();
    knobs.join("; ")
}

/// The error in one line. TOML errors quote the line they are about; here that is left out, since
/// it may be a system instruction, and the note of an upload is logged.
fn one_line(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let is_quote = |line: &str| {
        let number = |character: char| character.is_ascii_digit() || character == ' ';
        line.trim_start_matches(number).starts_with('|')
    };
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_quote(line))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_recipe_is_the_defaults() {
        assert_eq!(Recipe::parse("").unwrap(), Recipe::default());
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = Recipe::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }

    #[test]
    fn errors_say_what_to_do() {
        check("[tune]\nepochs = 0", "must be 1 to 100");
        check("[tune]\nbatch_size = 8", "set `tune.epochs` instead");
        check(
            "[tune]\nlearning_rate = 3e-5",
            "set `tune.learning_rate_multiplier`",
        );
        check("[tune]\nn_epochs = 3", "set `tune.epochs`");
        check("[tune]\nreplica_count = 1", "chooses the machines");
        check("[tune]\nadapter_size = 3", "1, 2, 4, 8 or 16");
        check("[tune]\nbudget = 3", "budget_usd");
        check("[tuning]\n", "unknown field `tuning`");
        check("[evaluate]\nmetric = \"rouge7\"", "the README of `scores`");
        check("[evaluate]\nmargin = 2.0", "below 1");
        check("[deploy]\ngate = \"always\"", "not_worse");
        check("[evaluate]\nusd_per_thousand_max = 0.0", "above 0");
        check("[evaluate]\nlatency_ratio_max = 0.5", "1 or more");
        check("[evaluate]\nusd_ratio_max = nan", "1 or more");
        for steps in ["[10, 50]", "[50, 10, 100]", "[0, 100]", "[100, 100]", "[]"] {
            check(
                &format!("[deploy.canary]\nsteps = {steps}"),
                "rising to 100",
            );
        }
        check("[deploy.canary]\nharm_max = 0.0", "above 0");
        check("[deploy.canary]\nwindow_min = 0", "1 to 10080");
        check("x", "line 1");
    }

    #[test]
    fn knobs_of_an_older_guide_get_todays_answers_at_once() {
        for (knob, instead) in gone::GONE {
            check(&format!("[tune]\n{knob} = 1"), instead);
        }
        check(
            "[tune]\nbatchSize = 8\nlr = 3e-5",
            "`tune.batchSize` is not a setting: the service chooses the batch size; set `tune.epochs` instead; \
             `tune.lr` is not a setting: set `tune.learning_rate_multiplier`, 1.0 being the model's own rate",
        );
    }

    #[test]
    fn an_error_does_not_repeat_the_recipe() {
        for text in [
            "[clean]\nsystem_instruction = \"Be kind",
            "[clean]\nsystem_instruction = Be kind",
            "[tuning]\nsystem_instruction = \"Be kind\"",
        ] {
            let error = Recipe::parse(text).unwrap_err().to_string();
            assert!(!error.contains("kind"), "{text:?}: {error}");
            assert!(error.contains("line "), "{text:?}: {error}");
        }
    }
}
