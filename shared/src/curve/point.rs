//! One value of a series.

use serde::{Deserialize, Serialize};

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The training step.
    pub step: u64,
    /// The loss, or what else the series measures; `None` where it was not a finite number.
    pub loss: Option<f64>,
}

impl Point {
    /// The value of a series at `step`.
    pub fn new(step: u64, loss: f64) -> Self {
        Self {
            step,
            loss: loss.is_finite().then_some(loss),
        }
    }

    /// Whether its value is a finite number.
    pub fn is_number(&self) -> bool {
        self.loss.is_some_and(f64::is_finite)
    }
}
