//! `[deploy.canary]`: how a model that passed the gate gets from some of the callers to all.

use serde::{Deserialize, Serialize};

use crate::route::canary::CanaryPlan;

/// Most steps of a canary.
const STEPS_MAX: usize = 10;
/// Longest window: a week.
const WINDOW_MIN_MAX: u64 = 10_080;

/// The settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryRecipe {
    /// The percentages of callers, rising to 100; `[100]` moves all at once.
    pub steps: Vec<u32>,
    /// The largest harm that counts as none: how much more of a caller's answers may be bad, from 0 to 1.
    pub harm_max: f64,
    /// For how long after a caller's first answer its answers count, in minutes. Shorter, and a bad model is found
    /// earlier; longer, and more is known of each caller.
    pub window_min: u64,
    /// Whether the model is first asked beside the one that serves, without showing its answers. Every question is
    /// paid for twice meanwhile.
    pub shadow: bool,
}

impl Default for CanaryRecipe {
    /// Five points: below that, thousands of callers are needed even where one in twenty answers is bad.
    fn default() -> Self {
        Self {
            steps: vec![10, 50, 100],
            harm_max: 0.05,
            window_min: 60,
            shadow: false,
        }
    }
}

impl CanaryRecipe {
    /// Recipes of before there were canaries are written as they were.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Each value: whether it is within its limits, its field, itself, and what they are.
    pub(super) fn limits(&self) -> [(bool, &'static str, String, &'static str); 3] {
        let steps = &self.steps;
        let rise = steps.iter().zip(steps.iter().skip(1));
        let mut rise = rise.map(|(before, after)| before < after);
        let are_steps = rise.all(|rises| rises)
            && steps.first().is_some_and(|first| *first > 0)
            && steps.last() == Some(&100)
            && steps.len() <= STEPS_MAX;
        [
            (
                are_steps,
                "deploy.canary.steps",
                format!("{steps:?}"),
                "must be at most ten percentages above 0, rising to 100",
            ),
            (
                self.harm_max > 0.0 && self.harm_max < 1.0,
                "deploy.canary.harm_max",
                self.harm_max.to_string(),
                "must be above 0 and below 1",
            ),
            (
                (1..=WINDOW_MIN_MAX).contains(&self.window_min),
                "deploy.canary.window_min",
                self.window_min.to_string(),
                "must be 1 to 10080 minutes",
            ),
        ]
    }

    /// The plan of one canary, in which an answer is slow above `slow_ms`.
    pub fn plan(&self, slow_ms: Option<u64>) -> CanaryPlan {
        CanaryPlan {
            steps: self.steps.clone(),
            harm_max: self.harm_max,
            window_s: self.window_min.saturating_mul(60),
            slow_ms,
            shadow: self.shadow,
        }
    }
}
