//! What a file would come to, found offline: its rows, its price, and what the service would drop.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use clean_engine::{Cleaned, HeldOut, Machine, Plan, Settings, Severity};
use serde::Serialize;
use shared::{
    price::{Minutes, prices},
    recipe::{self, InvalidRecipe, Recipe},
};

use crate::{
    earlier::{self, Earlier},
    story::screen::Screen,
};

/// Bytes from which a file is worth a progress bar: smaller ones are read in a blink.
const BAR_MIN_BYTES: u64 = 16 << 20;

/// What the service drops from a training file it has accepted, by the codes of the cleaner: it
/// says so only afterwards, in the job's statistics.
const DROPPED_BY_SERVICE: [&str; 1] = ["too_many_tokens"];

/// Why a file cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The recipe does not parse.
    #[error("the recipe `{}` cannot be used", path.display())]
    Recipe {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: InvalidRecipe,
    },
    /// The recipe's table `clean` does not parse.
    #[error("the recipe `{}` cannot be used: clean: {fault}", path.display())]
    Settings {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// An earlier version cannot be used.
    #[error("what earlier versions hold out is not known")]
    Earlier(#[from] earlier::Error),
    /// The engine could not go on.
    #[error("`{}` cannot be cleaned", path.display())]
    Clean {
        /// The rows.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: clean_engine::Error,
    },
}

/// A file and the recipe it is to be cleaned by.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The rows.
    pub(crate) file: PathBuf,
    /// The recipe.
    pub(crate) recipe: Recipe,
    /// What the recipe says about cleaning.
    pub(crate) settings: Settings,
    /// What earlier versions hold out.
    pub(crate) held_out: HeldOut,
    bytes: u64,
}

/// A file, cleaned as the function `clean` would.
#[derive(Debug)]
pub(crate) struct Preflight {
    /// The recipe it was cleaned by.
    pub(crate) recipe: Recipe,
    /// The cleaning settings in it.
    pub(crate) settings: Settings,
    /// What earlier versions held out from it.
    pub(crate) held_out: HeldOut,
    /// What was found, and written.
    pub(crate) cleaned: Cleaned,
}

/// What a tuning would cost, and whether that is within the recipe's budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Price {
    /// The model to tune.
    pub(crate) base_model: String,
    /// Passes over the rows.
    pub(crate) epochs: u32,
    /// Tokens of all passes, estimated.
    pub(crate) training_tokens: u64,
    /// US dollars; absent where the model cannot be tuned.
    pub(crate) usd: Option<f64>,
    /// What the recipe allows.
    pub(crate) budget_usd: f64,
    /// How long such jobs usually take once they run.
    pub(crate) minutes: Minutes,
    /// The day of the price list.
    pub(crate) as_of: String,
}

/// Rows that are kept and that the service would drop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Drops {
    /// How many.
    pub(crate) rows: u64,
    /// By the code that foretells it.
    pub(crate) codes: BTreeMap<String, u64>,
}

/// Looks at `file` with the recipe that is named, or lies beside it, or the default one; lists at
/// most so many `findings`, if that is said; no row trains that asks what `earlier` versions hold out.
pub(crate) fn look(
    file: &Path,
    recipe: Option<&Path>,
    screen: &Screen,
    machine: Machine,
    findings: Option<usize>,
    earlier: &Earlier,
) -> Result<Preflight, Error> {
    let mut subject = Subject::open(file, recipe, earlier)?;
    if let Some(findings) = findings {
        subject.settings.findings_max = findings;
    }
    let plan = Plan::default().holding_out(subject.held_out.clone());
    let cleaned = subject.read(screen, |source, settings, progress| {
        clean_engine::survey_by(plan, source, settings, machine, progress)
    })?;
    Ok(subject.came_to(cleaned))
}

impl Subject {
    /// A file that is there, with the recipe that is named, or lies beside it, or the default one;
    /// and what `earlier` versions hold out.
    pub(crate) fn open(
        file: &Path,
        recipe: Option<&Path>,
        earlier: &Earlier,
    ) -> Result<Self, Error> {
        let (recipe, settings) = read_recipe(file, recipe)?;
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
            held_out: earlier.read(&settings)?,
            settings,
            bytes: metadata.len(),
        })
    }

    /// Does `work` on the file, and shows how far it is.
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

    /// What the file came to.
    pub(crate) fn came_to(self, cleaned: Cleaned) -> Preflight {
        Preflight {
            recipe: self.recipe,
            settings: self.settings,
            held_out: self.held_out,
            cleaned,
        }
    }
}

fn read_recipe(file: &Path, recipe: Option<&Path>) -> Result<(Recipe, Settings), Error> {
    let beside = file.with_file_name(recipe::FILE_NAME);
    let path = match recipe {
        Some(path) => path.to_owned(),
        None if beside.exists() => beside,
        None => return Ok((Recipe::default(), Settings::default())),
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
    Ok((recipe, settings))
}

/// The cleaning settings of a recipe; `Err` says what is wrong with them.
pub(crate) fn settings(recipe: &Recipe) -> Result<Settings, String> {
    let settings: Result<Settings, _> = recipe.clean.clone().try_into();
    settings.map_err(|error| error.to_string())
}

impl Preflight {
    /// What tuning on it would cost.
    pub(crate) fn price(&self) -> Price {
        let tune = &self.recipe.tune;
        let tokens = self.cleaned.report.tokens.billable();
        let training_tokens = tokens.saturating_mul(u64::from(tune.epochs));
        Price {
            base_model: tune.base_model.clone(),
            epochs: tune.epochs,
            training_tokens,
            usd: prices().training_usd(&tune.base_model, training_tokens),
            budget_usd: tune.budget_usd,
            minutes: prices().tuning_minutes,
            as_of: prices().as_of.clone(),
        }
    }

    /// What the service would drop of the rows that are kept.
    pub(crate) fn drops(&self) -> Drops {
        drops(&self.cleaned.report.codes, &self.settings)
    }
}

/// What the service would drop of the rows that `settings` kept: a row that they reject never
/// gets there.
pub(crate) fn drops(codes: &BTreeMap<String, u64>, settings: &Settings) -> Drops {
    let kept = DROPPED_BY_SERVICE.into_iter().filter(|code| {
        let severity = settings.severities.get(*code);
        severity.is_some_and(|severity| *severity != Severity::Reject)
    });
    let codes: BTreeMap<String, u64> = kept
        .filter_map(|code| Some((code.to_owned(), *codes.get(code)?)))
        .collect();
    Drops {
        rows: codes.values().sum(),
        codes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_a_recipe_lets_through_can_be_dropped() {
        let codes = BTreeMap::from([("too_many_tokens".to_owned(), 2), ("trim".to_owned(), 9)]);
        assert_eq!(drops(&codes, &Settings::default()).rows, 0);
        let mut lenient = Settings::default();
        let code = "too_many_tokens".to_owned();
        lenient.severities.insert(code.clone(), Severity::Warn);
        let expected = Drops {
            rows: 2,
            codes: BTreeMap::from([(code, 2)]),
        };
        assert_eq!(drops(&codes, &lenient), expected);
    }

    #[test]
    fn a_recipe_beside_the_rows_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("data.jsonl");
        std::fs::write(
            &file,
            "{\"input\": \"a question\", \"output\": \"one two\"}\n",
        )
        .unwrap();
        let (screen, earlier) = (Screen::new(), Earlier::default());
        let rejected = look(&file, None, &screen, Machine::default(), None, &earlier).unwrap();
        assert_eq!(rejected.cleaned.report.rows.rejected, 1);
        let recipe = directory.path().join(recipe::FILE_NAME);
        std::fs::write(
            &recipe,
            "[clean]\noutput_words_min = 1\n[tune]\nepochs = 2\n",
        )
        .unwrap();
        let kept = look(&file, None, &screen, Machine::default(), None, &earlier).unwrap();
        assert_eq!(kept.cleaned.report.rows.kept, 1);
        assert_eq!(kept.price().epochs, 2);
        std::fs::write(&recipe, "[clean]\nwords = 1\n").unwrap();
        let error = look(&file, None, &screen, Machine::default(), None, &earlier).unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}
