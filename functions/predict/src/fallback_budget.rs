//! How often the base model is asked as well: a share of the answers of each tuned model, so that a model whose answers
//! are often doubted does not double its own cost and latency unseen.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Fallbacks that may follow one another at once, after as many good answers as earn them.
const SAVED_MAX: f64 = 20.0;
/// Most models that are remembered: a route has one, and its canary another.
const MODELS_MAX: usize = 1_000;

/// The budgets of all tuned models. Every answer of a model earns a share of a fallback, and a fallback costs one: in any row
/// of answers there are at most that share, and [`SAVED_MAX`].
#[derive(Debug)]
pub(crate) struct FallbackBudget {
    share: f64,
    saved: Mutex<HashMap<String, f64>>,
}

impl FallbackBudget {
    /// With this share of a model's answers, from 0, none, to 1, all.
    pub(crate) fn new(share: f64) -> Self {
        Self {
            share,
            saved: Mutex::default(),
        }
    }

    /// Counts an answer of `model`.
    pub(crate) fn earn(&self, model: &str) {
        self.change(model, |saved| {
            *saved = (*saved + self.share).min(SAVED_MAX);
        });
    }

    /// Whether the base model may be asked as well, which is paid for from now on.
    pub(crate) fn spend(&self, model: &str) -> bool {
        self.change(model, |saved| {
            let has_one = *saved >= 1.0;
            if has_one {
                *saved -= 1.0;
            }
            has_one || self.share >= 1.0
        })
    }

    fn change<T>(&self, model: &str, change: impl FnOnce(&mut f64) -> T) -> T {
        let mut all = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MODELS_MAX && !all.contains_key(model) {
            all.clear();
        }
        // A share of 0 means never, also for the first answers.
        let first = if self.share > 0.0 { SAVED_MAX } else { 0.0 };
        change(all.entry(model.to_owned()).or_insert(first))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fallbacks among `answers` answers that are all doubted.
    fn fallbacks(share: f64, answers: u32) -> u32 {
        let budget = FallbackBudget::new(share);
        let asked = (0..answers).filter(|_| {
            budget.earn("m");
            budget.spend("m")
        });
        u32::try_from(asked.count()).unwrap()
    }

    #[test]
    fn a_model_whose_answers_are_all_doubted_gets_its_share() {
        assert_eq!(fallbacks(0.0, 1_000), 0);
        assert_eq!(fallbacks(1.0, 1_000), 1_000);
        assert_eq!(fallbacks(0.25, 20), 20, "what was saved");
        let many = fallbacks(0.25, 10_000);
        assert!((2_500..=2_520).contains(&many), "{many}");
    }

    #[test]
    fn one_model_spends_nothing_of_another() {
        let budget = FallbackBudget::new(0.1);
        while budget.spend("bad") {}
        assert!(budget.spend("good"));
    }

    proptest! {
        #[test]
        fn no_row_of_answers_has_more_than_the_share_and_what_was_saved(
            share in 0.0..0.99_f64, doubted in proptest::collection::vec(any::<bool>(), 0..400),
        ) {
            let budget = FallbackBudget::new(share);
            let mut asked = 0.0;
            for (answers, is_doubted) in doubted.into_iter().enumerate() {
                budget.earn("m");
                asked += f64::from(u8::from(is_doubted && budget.spend("m")));
                let most = share * f64::from(u32::try_from(answers + 1).unwrap()) + SAVED_MAX;
                prop_assert!(asked <= most + 1e-6, "{} of {}", asked, answers + 1);
            }
        }
    }
}
