//! Checks a file offline: its rows, its price, and the rows that the service would drop.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use clean_engine::{
    Cleaned, HeldOut, Machine, Plan, ReviewLimits, Settings, Severity, TokenCounts,
};
use serde::Serialize;
use shared::{
    dataset::RowTokens,
    id::DatasetName,
    policy::Policy,
    price::{Minutes, PassTokens, prices},
    recipe::{self, InvalidRecipe, Recipe},
    run::{Estimate, ServingEstimate},
};
use tune::{
    outlook::{PlanVerdict, outlook_billed},
    plan_input::PlanInput,
};

use crate::{
    earlier_versions::{self, EarlierVersions},
    screen::Screen,
};

/// Smallest file with a progress bar, in bytes: smaller ones take well under a second.
const BAR_MIN_BYTES: u64 = 16 << 20;

/// The codes of rows that the service drops from a training file that it has accepted. It reports them
/// only afterwards, in the statistics of the job.
const DROPPED_BY_SERVICE: [&str; 1] = ["too_many_tokens"];

/// By how much the service's count of tokens may differ from the estimate, in percent: a rule of thumb, for only
/// the function `clean` can have a sample counted.
const UNCOUNTED_PERCENT: u64 = 25;

/// Why a file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The recipe does not parse.
    #[error("invalid recipe `{}`", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        source: InvalidRecipe,
    },
    /// The recipe's table `clean` does not parse.
    #[error("invalid recipe `{}`: clean: {fault}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// The error.
        fault: String,
    },
    /// An earlier version cannot be read.
    #[error("cannot read the held-out rows of an earlier version")]
    HeldOut(#[from] earlier_versions::Error),
    /// The engine failed.
    #[error("`{}` cannot be cleaned", path.display())]
    Clean {
        /// The rows.
        path: PathBuf,
        /// The error.
        #[source]
        source: clean_engine::Error,
    },
}

/// A file to be cleaned, and how.
#[derive(Debug)]
pub(crate) struct CleaningInput {
    /// The rows.
    pub(crate) file: PathBuf,
    /// The recipe.
    pub(crate) recipe: Recipe,
    /// Whether there was a recipe.
    pub(crate) recipe_found: bool,
    /// The cleaning settings in the recipe.
    pub(crate) settings: Settings,
    /// The rows that earlier versions hold out.
    pub(crate) held_out: HeldOut,
    bytes: u64,
}

/// A file, cleaned exactly as the function `clean` does.
#[derive(Debug)]
pub(crate) struct Preflight {
    /// The recipe by which it was cleaned.
    pub(crate) recipe: Recipe,
    /// Whether there was one; otherwise it is the default one.
    pub(crate) recipe_found: bool,
    /// The cleaning settings in it.
    pub(crate) settings: Settings,
    /// The rows that earlier versions held out.
    pub(crate) held_out: HeldOut,
    /// The findings, and the files written.
    pub(crate) cleaned: Cleaned,
}

/// What would become of a run on the rows: its price, and whether it would go ahead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Price {
    /// The model to tune.
    pub(crate) base_model: String,
    /// Passes over the rows.
    pub(crate) epochs: u32,
    /// Estimated tokens of all passes, at least.
    pub(crate) training_tokens: u64,
    /// The same at most: each answer of a conversation with all that precedes it.
    pub(crate) training_tokens_max: u64,
    /// US dollars at least; absent where the model has no price.
    pub(crate) usd: Option<f64>,
    /// US dollars at most.
    pub(crate) usd_max: Option<f64>,
    /// What serving the model costs.
    pub(crate) serving: Option<ServingEstimate>,
    /// The budget: that of the policy, or of the recipe where it is lower.
    pub(crate) budget_usd: f64,
    /// What the run would do: `runs`, `awaits_review`, `awaits_approval`, `waits` or `fails`.
    pub(crate) outcome: &'static str,
    /// Whether the service's count of tokens cannot change that.
    pub(crate) is_certain: bool,
    /// Why.
    pub(crate) reason: String,
    /// What else a person should know of the plan.
    pub(crate) warnings: Vec<String>,
    /// What the recipe leaves out: the value that is taken, and why.
    pub(crate) defaults: Vec<String>,
    /// The estimate as the run shows it.
    #[serde(skip)]
    pub(crate) estimate: Option<Estimate>,
    /// How long such jobs usually run.
    pub(crate) minutes: Minutes,
    /// The date of the price list.
    pub(crate) as_of: String,
}

/// Kept rows that the service would drop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PredictedDrops {
    /// How many.
    pub(crate) rows: u64,
    /// By the code that predicts the drop.
    pub(crate) codes: BTreeMap<String, u64>,
}

/// What the command line sets instead of the recipe.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingOverrides {
    /// Most findings to list.
    pub(crate) findings: Option<usize>,
    /// The character encoding of the file.
    pub(crate) encoding: Option<String>,
}

/// Checks `file` by `recipe`, the recipe next to it, or the default one, with `overrides`. Rows with a question that `earlier` versions hold out are not trained on.
pub(crate) fn check(
    file: &Path,
    recipe: Option<&Path>,
    screen: &Screen,
    machine: Machine,
    overrides: &SettingOverrides,
    earlier: &EarlierVersions,
) -> Result<Preflight, Error> {
    let mut input = CleaningInput::open(file, recipe, earlier)?;
    if let Some(findings) = overrides.findings {
        input.settings.findings_max = findings;
    }
    if let Some(encoding) = &overrides.encoding {
        input.settings.encoding = Some(encoding.clone());
    }
    let plan = Plan::default().holding_out(input.held_out.clone());
    let cleaned = input.read(screen, |source, settings, progress| {
        clean_engine::survey_by(plan, source, settings, machine, progress)
    })?;
    Ok(input.into_preflight(cleaned))
}

impl CleaningInput {
    /// Opens `file`, with `recipe`, the recipe next to it, or the default one; and the held-out rows of
    /// `earlier` versions.
    pub(crate) fn open(
        file: &Path,
        recipe: Option<&Path>,
        earlier: &EarlierVersions,
    ) -> Result<Self, Error> {
        let (recipe, settings, recipe_found) = read_recipe(file, recipe)?;
        let read = |source| Error::Read {
            path: file.to_owned(),
            source,
        };
        let metadata = std::fs::metadata(file).map_err(read)?;
        if metadata.is_dir() {
            return Err(read(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self {
            file: file.to_owned(),
            recipe,
            recipe_found,
            held_out: earlier.read(&settings)?,
            settings,
            bytes: metadata.len(),
        })
    }

    /// Does `work` on the file, and shows its progress.
    pub(crate) fn read<T>(
        &self,
        screen: &Screen,
        work: impl FnOnce(
            &clean_engine::File,
            &Settings,
            &mut (dyn FnMut(u64) + Send),
        ) -> Result<T, clean_engine::Error>,
    ) -> Result<T, Error> {
        let bar = (self.bytes >= BAR_MIN_BYTES)
            .then(|| screen.bytes(&self.file.to_string_lossy(), self.bytes));
        let source = clean_engine::File(self.file.clone());
        let done = work(&source, &self.settings, &mut |bytes| {
            if let Some(bar) = &bar {
                bar.set_position(bytes);
            }
        });
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let path = self.file.clone();
        done.map_err(|source| match source {
            clean_engine::Error::Read(source) => Error::Read { path, source },
            source @ (clean_engine::Error::Write { .. }
            | clean_engine::Error::Changed
            | clean_engine::Error::Settings(_)
            | clean_engine::Error::TooManyRows
            | clean_engine::Error::Spill(_)
            | clean_engine::Error::WriteFrames(_)
            | clean_engine::Error::Frames { .. }
            | clean_engine::Error::Unending) => Error::Clean { path, source },
        })
    }

    /// The result.
    pub(crate) fn into_preflight(self, cleaned: Cleaned) -> Preflight {
        Preflight {
            recipe: self.recipe,
            recipe_found: self.recipe_found,
            settings: self.settings,
            held_out: self.held_out,
            cleaned,
        }
    }
}

fn read_recipe(file: &Path, recipe: Option<&Path>) -> Result<(Recipe, Settings, bool), Error> {
    let neighbour = file.with_file_name(recipe::FILE_NAME);
    let path = match recipe {
        Some(path) => path.to_owned(),
        None if neighbour.exists() => neighbour,
        None => return Ok((Recipe::default(), Settings::default(), false)),
    };
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let recipe = Recipe::parse(&text).map_err(|source| Error::Recipe {
        path: path.clone(),
        source,
    })?;
    let settings = settings(&recipe).map_err(|fault| Error::Settings { path, fault })?;
    Ok((recipe, settings, true))
}

/// The cleaning settings in a recipe; `Err` says what is wrong with them.
pub(crate) fn settings(recipe: &Recipe) -> Result<Settings, String> {
    let settings: Result<Settings, _> = recipe.clean.clone().try_into();
    settings.map_err(|error| error.to_string())
}

impl Preflight {
    /// Why the version would wait for a person, as rows of `dataset` under `policy`.
    pub(crate) fn review(&self, dataset: &DatasetName, policy: &Policy) -> Vec<String> {
        let rules = policy.for_dataset(dataset);
        let asked = self.settings.rejected_percent_max.unwrap_or(f64::INFINITY);
        let limits = ReviewLimits {
            rejected_percent_max: rules.rejected_percent_max.min(asked),
            eval_rows_min: rules.eval_rows_min,
        };
        clean_engine::review(&self.cleaned.report, limits)
    }

    /// What would become of a run on its rows, as rows of `dataset` under `policy`: what `tune` decides
    /// after an upload.
    pub(crate) fn price(
        &self,
        dataset: &DatasetName,
        policy: &Policy,
        region: &str,
        today: NaiveDate,
    ) -> Price {
        let report = &self.cleaned.report;
        let tokens = &report.tokens;
        let [pass, least] = passes(tokens);
        let of = |pass: PassTokens, input: &PlanInput<'_>| {
            outlook_billed(input, pass, policy, region, prices(), today)
        };
        let input = PlanInput {
            dataset,
            recipe: &self.recipe,
            recipe_found: Some(self.recipe_found),
            is_accepted: false,
            read: report.rows.read,
            rejected: report.rows.rejected,
            train: report.splits.train,
            validation: report.splits.validation,
            eval: report.splits.eval,
            pass: PassTokens {
                low: tokens.billable(),
                high: tokens.billable_max(),
            },
            row_tokens: RowTokens {
                input_mean: tokens.input.mean,
                output_mean: tokens.output.mean,
                output_median: tokens.output.p50,
                input_max: tokens.input.max,
                rows: report.rows.kept,
                input_sum: tokens.input.sum,
                output_sum: tokens.output.sum,
            },
        };
        let outlook = of(pass, &input);
        let is_certain = of(least, &input).verdict == outlook.verdict;
        let reviewed = self.review(dataset, policy);
        let outcome = match outlook.verdict {
            PlanVerdict::Fails => "fails",
            // Nothing is planned before a person has looked at the rows.
            PlanVerdict::Runs | PlanVerdict::AwaitsApproval | PlanVerdict::Waits(_)
                if !reviewed.is_empty() =>
            {
                "awaits_review"
            }
            PlanVerdict::Runs => "runs",
            PlanVerdict::AwaitsApproval => "awaits_approval",
            PlanVerdict::Waits(_) => "waits",
        };
        let estimate = outlook.estimate;
        let known = estimate.as_ref();
        Price {
            base_model: outlook.plan.base_model,
            epochs: outlook.plan.epochs,
            training_tokens: known.map_or(0, |it| it.tokens_low),
            training_tokens_max: known.map_or(0, |it| it.tokens_high),
            usd: known.map(|it| it.usd_low),
            usd_max: known.map(|it| it.usd_high),
            serving: known.and_then(|it| it.serving),
            budget_usd: outlook.approve_above.dollars(),
            outcome,
            is_certain,
            reason: outlook.reason,
            warnings: outlook.warnings,
            defaults: outlook.defaults,
            minutes: prices().tuning_minutes.value,
            as_of: known.map_or_else(String::new, |it| it.price_as_of.clone()),
            estimate,
        }
    }

    /// The kept rows that the service would drop.
    pub(crate) fn drops(&self) -> PredictedDrops {
        drops(&self.cleaned.report.codes, &self.settings)
    }
}

/// The tokens of a pass, at least and at most, and the least of them alone: as counted by the service, or
/// estimated, and then within [`UNCOUNTED_PERCENT`].
fn passes(tokens: &TokenCounts) -> [PassTokens; 2] {
    let percent = match tokens.calibration {
        Some(_) => 0,
        None => UNCOUNTED_PERCENT,
    };
    let of = |tokens: u64, percent: u64| tokens.saturating_mul(percent) / 100;
    let low = of(tokens.billable(), 100 - percent);
    let high = of(tokens.billable_max(), 100 + percent);
    let least = PassTokens {
        low,
        high: of(tokens.billable_max(), 100 - percent),
    };
    [PassTokens { low, high }, least]
}

/// The rows that `settings` keep and the service would drop. Rows that they reject do not reach it.
pub(crate) fn drops(codes: &BTreeMap<String, u64>, settings: &Settings) -> PredictedDrops {
    let kept = DROPPED_BY_SERVICE.into_iter().filter(|code| {
        let severity = settings.severities.get(*code);
        severity.is_some_and(|severity| *severity != Severity::Reject)
    });
    let codes: BTreeMap<String, u64> = kept
        .filter_map(|code| Some((code.to_owned(), *codes.get(code)?)))
        .collect();
    PredictedDrops {
        rows: codes.values().sum(),
        codes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_a_recipe_keeps_can_be_dropped() {
        let codes = BTreeMap::from([("too_many_tokens".to_owned(), 2), ("trim".to_owned(), 9)]);
        assert_eq!(drops(&codes, &Settings::default()).rows, 0);
        let mut lenient = Settings::default();
        let code = "too_many_tokens".to_owned();
        lenient.severities.insert(code.clone(), Severity::Warn);
        let expected = PredictedDrops {
            rows: 2,
            codes: BTreeMap::from([(code, 2)]),
        };
        assert_eq!(drops(&codes, &lenient), expected);
    }

    #[test]
    fn a_price_holds_what_the_service_may_count() {
        let mut tokens = TokenCounts {
            billable_per_epoch: 11_384,
            billable_per_epoch_max: 20_000,
            ..TokenCounts::default()
        };
        let [pass, least] = passes(&tokens);
        assert_eq!((pass.low, pass.high), (8_538, 25_000));
        assert_eq!((least.low, least.high), (8_538, 15_000));
        tokens.calibration = Some(clean_engine::Calibration {
            model: String::new(),
            rows: 16,
            estimated: 1_000,
            counted: 912,
        });
        let [pass, least] = passes(&tokens);
        assert_eq!((pass.low, pass.high), (10_382, 18_240));
        assert_eq!(pass, least);
    }

    #[test]
    fn a_run_whose_price_may_be_above_its_budget_is_not_certain_to_go_ahead() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("data.jsonl");
        let row =
            |n: u32| format!("{{\"input\": \"question {n}\", \"output\": \"one two {n} four\"}}\n");
        std::fs::write(&file, (0..300).map(row).collect::<String>()).unwrap();
        let recipe = directory.path().join(recipe::FILE_NAME);
        let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        let policy = crate::policy::policy().unwrap();
        let price = |budget: f64| {
            std::fs::write(&recipe, format!("[tune]\nbudget_usd = {budget:?}\n")).unwrap();
            let (screen, earlier) = (Screen::new(), EarlierVersions::default());
            let checked = check(
                &file,
                None,
                &screen,
                Machine::default(),
                &SettingOverrides::default(),
                &earlier,
            );
            let dataset = "a".parse().unwrap();
            checked
                .unwrap()
                .price(&dataset, &policy, "us-central1", today)
        };
        let free = price(0.0);
        assert_eq!((free.outcome, free.is_certain), ("awaits_approval", true));
        let (low, high) = (free.usd.unwrap(), free.usd_max.unwrap());
        assert!(low < high, "{free:?}");
        let middle = price(f64::midpoint(low, high));
        assert_eq!(
            (middle.outcome, middle.is_certain),
            ("awaits_approval", false)
        );
        let above = price(high + 0.01);
        assert_eq!((above.outcome, above.is_certain), ("runs", true));
    }

    #[test]
    fn a_recipe_next_to_the_rows_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("data.jsonl");
        std::fs::write(
            &file,
            "{\"input\": \"a question\", \"output\": \"one two\"}\n",
        )
        .unwrap();
        let (screen, earlier) = (Screen::new(), EarlierVersions::default());
        let check = || {
            let (machine, overrides) = (Machine::default(), SettingOverrides::default());
            check(&file, None, &screen, machine, &overrides, &earlier)
        };
        let rejected = check().unwrap();
        assert_eq!(rejected.cleaned.report.rows.rejected, 1);
        let recipe = directory.path().join(recipe::FILE_NAME);
        std::fs::write(
            &recipe,
            "[clean]\noutput_words_min = 1\n[tune]\nepochs = 2\n",
        )
        .unwrap();
        let kept = check().unwrap();
        assert_eq!(kept.cleaned.report.rows.kept, 1);
        assert!(kept.recipe_found && !rejected.recipe_found);
        let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        let policy = crate::policy::policy().unwrap();
        let price = kept.price(&"a".parse().unwrap(), &policy, "us-central1", today);
        assert_eq!((price.epochs, price.outcome), (2, "awaits_review"));
        std::fs::write(&recipe, "[clean]\nwords = 1\n").unwrap();
        let error = check().unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}
