//! Reads a policy: strictly, and with every fault of it at once.

use toml::{Table, Value};

use super::{DatasetPolicy, InvalidPolicy, Policy, Residency, SpendPolicy};
use crate::{
    id::{DatasetName, model_id},
    spend::Usd,
};

/// Datasets with rules of their own: more is a mistake of a program.
const DATASETS_MAX: usize = 1_000;
/// Characters of a value that an error shows.
const SHOWN_MAX: usize = 60;
/// Days after which a price is too old, where the policy does not say.
const PRICE_AGE_DAYS_MAX: u32 = 90;
/// Most rows that are held out for evaluation: a higher floor would hold every version.
const EVAL_ROWS_MAX: u64 = 5_000;
/// What `predict` may spend in a day, where the policy does not say.
const SERVING_DAY: Usd = Usd(50_000_000);

/// A field whose fault is among those that are reported.
struct Faulty;

/// A table that is being read.
struct Section<'a> {
    /// Its name, as errors show it.
    name: String,
    table: &'a Table,
    known: Vec<&'static str>,
    faults: &'a mut Vec<String>,
}

impl Policy {
    /// Parses and checks a policy.
    ///
    /// # Errors
    ///
    /// Every fault: the field, what was found, and what was expected.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        policy(text)
    }
}

fn policy(text: &str) -> Result<Policy, InvalidPolicy> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let lines = error.to_string();
        let line = lines.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        InvalidPolicy(vec![line])
    })?;
    let mut faults = Vec::new();
    for key in table.keys() {
        if !matches!(key.as_str(), "spend" | "dataset") {
            faults.push(format!(
                "unknown table `{key}`: expected `spend` or `dataset`"
            ));
        }
    }
    let spend = match table.get("spend") {
        Some(Value::Table(table)) => spend(table, &mut faults),
        Some(other) => {
            faults.push(fault("spend", other, "a table"));
            None
        }
        None => {
            faults.push("`[spend]` is missing".to_owned());
            None
        }
    };
    let datasets = datasets(table.get("dataset"), &mut faults);
    match spend {
        Some(spend) if faults.is_empty() => Ok(Policy { spend, datasets }),
        Some(_) | None => Err(InvalidPolicy(faults)),
    }
}

fn spend(table: &Table, faults: &mut Vec<String>) -> Option<SpendPolicy> {
    let mut section = Section::new("spend", table, faults);
    let run = section.money("run_usd", None);
    let day = section.money("day_usd", None);
    let month = section.money("month_usd", None);
    let approve_above = section.money("approve_above_usd", None);
    let serving_day = section.money("serving_day_usd", Some(SERVING_DAY));
    let stopped = section.flag("stopped");
    let price_age_days_max = section.optional("price_age_days_max", "0 to 3650 days", |value| {
        let days = value.as_integer()?;
        u32::try_from(days).ok().filter(|days| *days <= 3_650)
    });
    section.finish();
    let (run, day, month, approve_above) = (run?, day?, month?, approve_above?);
    // An amount that another one makes meaningless is a slip of the pen.
    for (field, amount, most, other) in [
        ("approve_above_usd", approve_above, run, "run_usd"),
        ("run_usd", run, day, "day_usd"),
        ("day_usd", day, month, "month_usd"),
    ] {
        if amount > most {
            faults.push(format!(
                "`spend.{field}` is {amount}: expected at most `spend.{other}`, {most}"
            ));
        }
    }
    Some(SpendPolicy {
        run,
        day,
        month,
        approve_above,
        serving_day: serving_day?,
        stopped: stopped?,
        price_age_days_max: price_age_days_max.ok()?.unwrap_or(PRICE_AGE_DAYS_MAX),
    })
}

fn datasets(value: Option<&Value>, faults: &mut Vec<String>) -> Vec<DatasetPolicy> {
    let entries = match value {
        None => return Vec::new(),
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(other) => {
            faults.push(fault("dataset", other, "tables `[[dataset]]`"));
            return Vec::new();
        }
    };
    if entries.len() > DATASETS_MAX {
        let found = entries.len();
        faults.push(format!(
            "found {found} tables `[[dataset]]`: expected at most {DATASETS_MAX}"
        ));
        return Vec::new();
    }
    let mut read: Vec<DatasetPolicy> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let name = format!("dataset {}", index + 1);
        let Value::Table(table) = entry else {
            faults.push(fault(&name, entry, "a table `[[dataset]]`"));
            continue;
        };
        let Some(entry) = dataset(&name, table, faults) else {
            continue;
        };
        if read.iter().any(|earlier| earlier.name == entry.name) {
            faults.push(format!(
                "`{name}.name` is \"{}\": expected a name that no other entry has",
                entry.name
            ));
        }
        read.push(entry);
    }
    read
}

fn dataset(name: &str, table: &Table, faults: &mut Vec<String>) -> Option<DatasetPolicy> {
    let mut section = Section::new(name, table, faults);
    let wanted = "the name of a dataset, or a prefix with `*` at its end";
    let name = section.required("name", wanted, |value| {
        let text = value.as_str()?;
        let stem = text.strip_suffix('*').unwrap_or(text);
        let whole = stem.is_empty() && text == "*";
        // A prefix may end in `-`, and is otherwise like a name.
        (whole || stem.parse::<DatasetName>().is_ok()).then(|| text.to_owned())
    });
    let models = section.optional(
        "models",
        "a list of routes, such as [\"support\"]",
        |value| {
            let names = value.as_array().filter(|it| !it.is_empty())?.iter();
            names.map(|name| name.as_str()?.parse().ok()).collect()
        },
    );
    let base_models = section.optional("base_models", "a list of models", |value| {
        let names = value.as_array().filter(|it| !it.is_empty())?.iter();
        names
            .map(|name| Some(model_id(name.as_str()?).to_owned()))
            .collect()
    });
    let location = section.optional("location", "\"us\", \"eu\" or \"global\"", |value| {
        let text = value.as_str()?;
        Residency::ALL.into_iter().find(|it| it.as_str() == text)
    });
    let recipe_required = section.flag("recipe_required");
    let rejected = section.optional("rejected_percent_max", "0 to 100", |value| {
        number(value).filter(|percent| (0.0..=100.0).contains(percent))
    });
    let eval_rows = section.optional("eval_rows_min", "0 to 5000 rows", |value| {
        let rows = value.as_integer()?;
        u64::try_from(rows)
            .ok()
            .filter(|rows| *rows <= EVAL_ROWS_MAX)
    });
    section.finish();
    let fallback = DatasetPolicy::unnamed();
    Some(DatasetPolicy {
        name: name?,
        models: models.ok()?,
        base_models: base_models.ok()?,
        location: location.ok()?.unwrap_or(fallback.location),
        recipe_required: recipe_required?,
        rejected_percent_max: rejected.ok()?.unwrap_or(fallback.rejected_percent_max),
        eval_rows_min: eval_rows.ok()?.unwrap_or(fallback.eval_rows_min),
    })
}

impl<'a> Section<'a> {
    fn new(name: &str, table: &'a Table, faults: &'a mut Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            table,
            known: Vec::new(),
            faults,
        }
    }

    /// The value of `field` by `read`; `None` where it is absent.
    fn optional<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Faulty> {
        self.known.push(field);
        let Some(value) = self.table.get(field) else {
            return Ok(None);
        };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => {
                let name = format!("{}.{field}", self.name);
                self.faults.push(fault(&name, value, expected));
                Err(Faulty)
            }
        }
    }

    /// As [`Self::optional`], and a fault where it is absent.
    fn required<T>(
        &mut self,
        field: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let read = self.optional(field, expected, read).ok()?;
        if read.is_none() {
            let name = &self.name;
            self.faults
                .push(format!("`{name}.{field}` is missing: expected {expected}"));
        }
        read
    }

    fn money(&mut self, field: &'static str, default: Option<Usd>) -> Option<Usd> {
        let expected = "0 to 1000000000 US dollars";
        let read = |value: &Value| Usd::rounded_down(number(value)?);
        match default {
            Some(default) => Some(
                self.optional(field, expected, read)
                    .ok()?
                    .unwrap_or(default),
            ),
            None => self.required(field, expected, read),
        }
    }

    fn flag(&mut self, field: &'static str) -> Option<bool> {
        let read = self.optional(field, "true or false", Value::as_bool).ok()?;
        Some(read.unwrap_or_default())
    }

    /// Reports the fields that were not asked for.
    fn finish(self) {
        let known = &self.known;
        for key in self
            .table
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
        {
            let (name, known) = (&self.name, known.join(", "));
            self.faults.push(format!(
                "unknown field `{name}.{key}`: expected one of {known}"
            ));
        }
    }
}

fn fault(name: &str, found: &Value, expected: &str) -> String {
    let found: String = found.to_string().chars().take(SHOWN_MAX).collect();
    format!("`{name}` is {found}: expected {expected}")
}

/// A number, with or without a decimal point.
fn number(value: &Value) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "larger numbers than a float holds exactly are above every limit"
    )]
    let whole = value.as_integer().map(|whole| whole as f64);
    whole.or_else(|| value.as_float())
}
