//! When base models stop answering, and which model follows one.

use chrono::{NaiveDate, TimeDelta};

use super::{CataloguedModel, Prices};

/// How long before its end a base model is too old to begin with, and a route that it serves needs a successor:
/// new rows, a run, an evaluation and a canary take weeks, and people are away.
pub const RETIRES_SOON: TimeDelta = TimeDelta::days(90);

/// The end of a base model, and of all models that are tuned from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The model.
    pub model: String,
    /// The first day on which it may not answer any more.
    pub on: NaiveDate,
    /// Whether that day has come.
    pub is_over: bool,
}

impl Retirement {
    /// In plain words.
    pub fn words(&self) -> String {
        let Self { model, on, is_over } = self;
        if *is_over {
            format!("base model `{model}` was retired by {on}, and its tuned models with it")
        } else {
            format!(
                "base model `{model}` stops answering on {on} or later, and its tuned models with it"
            )
        }
    }
}

/// Why no model follows another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuccessor {
    /// None that can be tuned outlives it.
    #[error("no model of the price list outlives `{model}` by {} days: name one of {tunable}", RETIRES_SOON.num_days())]
    NoneOutlives {
        /// The model.
        model: String,
        /// Those that can be tuned.
        tunable: String,
    },
}

impl Prices {
    /// The end of `model`, where that is within [`RETIRES_SOON`] of `today`, or over.
    pub fn retirement(&self, model: &str, today: NaiveDate) -> Option<Retirement> {
        let on = self.ends(model)?;
        (on - today < RETIRES_SOON).then(|| Retirement {
            model: model.to_owned(),
            on,
            is_over: on <= today,
        })
    }

    /// The first day on which `model` may not answer any more, where that is known.
    fn ends(&self, model: &str) -> Option<NaiveDate> {
        let entry = self.models.get(model);
        let catalogued = entry.and_then(|entry| entry.value.retires);
        catalogued.or_else(|| self.retired(model))
    }

    /// The model that follows `model` in `region`: of those that can be tuned there and end
    /// [`RETIRES_SOON`] after it or later, and after today, the one whose price of training is nearest. Of two
    /// as near, the cheaper one.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn successor(
        &self,
        model: &str,
        region: &str,
        today: NaiveDate,
    ) -> Result<&str, NoSuccessor> {
        let end = self.ends(model).map_or(today, |end| end.max(today));
        let before = self.models.get(model);
        let before = before.and_then(|entry| entry.value.training);
        let outlives = |it: &CataloguedModel| {
            let is_late = |retires: NaiveDate| retires - end >= RETIRES_SOON;
            it.retires.is_none_or(is_late) && it.regions.iter().any(|it| it == region)
        };
        let candidates = self.models.iter().filter_map(|(name, entry)| {
            let training = entry.value.training?;
            let distance = before.map_or(0.0, |before| (training - before).abs());
            let is_other = name != model && outlives(&entry.value);
            is_other.then_some((distance, training, name.as_str()))
        });
        let nearest = candidates.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let found = nearest.map(|(_, _, name)| name);
        found.ok_or_else(|| NoSuccessor::NoneOutlives {
            model: model.to_owned(),
            tunable: self
                .tunable()
                .filter(|it| *it != model)
                .collect::<Vec<_>>()
                .join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::prices;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The price list with models of these prices and ends.
    fn listed(models: &[(&str, Option<f64>, Option<&str>)]) -> Prices {
        let mut all = prices().clone();
        let model = all.models.values().next().unwrap().clone();
        all.models = models
            .iter()
            .map(|(name, training, retires)| {
                let mut entry = model.clone();
                entry.value.training = *training;
                entry.value.retires = retires.map(day);
                ((*name).to_owned(), entry)
            })
            .collect();
        all
    }

    #[test]
    fn a_retirement_is_found_ninety_days_before_and_for_ever_after() {
        let found = |model: &str, today: &str| {
            let retirement = prices().retirement(model, day(today));
            retirement.map(|it| (it.on.to_string(), it.is_over))
        };
        let flash = |is_over| Some(("2027-05-19".to_owned(), is_over));
        assert_eq!(found("gemini-3.5-flash", "2027-02-18"), None);
        assert_eq!(found("gemini-3.5-flash", "2027-02-19"), flash(false));
        assert_eq!(found("gemini-3.5-flash", "2027-05-18"), flash(false));
        assert_eq!(found("gemini-3.5-flash", "2027-05-19"), flash(true));
        let gone = found("gemini-2.5-flash", "2026-10-19");
        assert_eq!(gone, Some(("2026-10-20".to_owned(), false)));
        assert_eq!(found("of-another-vendor", "2027-05-19"), None);
        let words = prices().retirement("gemini-2.5-flash", day("2027-01-01"));
        assert!(words.unwrap().words().contains("was retired by 2026-10-20"));
    }

    #[test]
    fn the_successor_outlives_it_and_costs_about_the_same() {
        let prices = listed(&[
            ("old", Some(3.0), Some("2027-05-01")),
            ("soon", Some(3.0), Some("2027-07-29")),
            ("near", Some(4.0), Some("2027-07-30")),
            ("far", Some(9.0), None),
            ("unpriced", None, None),
        ]);
        let after = |model: &str, today: &str| {
            let successor = prices.successor(model, "us-central1", day(today));
            successor
                .map(str::to_owned)
                .map_err(|none| none.to_string())
        };
        assert_eq!(after("old", "2027-01-01").unwrap(), "near");
        // It is over by then: what follows must last from now on.
        assert_eq!(after("old", "2027-05-15").unwrap(), "far");
        assert_eq!(
            after("gemini-2.5-flash", "2026-12-01").unwrap(),
            "old",
            "the cheapest"
        );
        assert_eq!(
            after("far", "2027-05-15").unwrap_err(),
            "no model of the price list outlives `far` by 90 days: \
            name one of near, old, soon"
        );
        let elsewhere = prices.successor("old", "us-east1", day("2027-01-01"));
        assert!(elsewhere.is_err(), "not tuned there");
    }
}
