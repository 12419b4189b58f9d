//! How the emulator behaves where the service may behave in several ways, and the call that sets it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::invalid;
use crate::rest::Error;

/// Where the settings are read (`GET`) and changed (`POST`).
pub(super) const CONTROL_PATH: &str = "/emulator/vertex";

/// The settings; they survive restarts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VertexSettings {
    /// Tuning jobs that run at once in a project; Google's default is 1.
    pub(super) concurrent_jobs: usize,
    /// What happens to a job above that.
    pub(super) over_quota: OverQuota,
    /// Simulated seconds until a new job appears in lists; 0 by default.
    pub(super) list_lag_s: u32,
    /// Simulated seconds per step of new jobs; `None` spends 20 to 40 minutes on all steps.
    pub(super) seconds_per_step: Option<f64>,
}

/// What happens to a job that exceeds the quota: both were observed in the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OverQuota {
    /// Its creation fails with `RESOURCE_EXHAUSTED`.
    Reject,
    /// It waits for its turn.
    Wait,
}

impl Default for VertexSettings {
    fn default() -> Self {
        Self {
            concurrent_jobs: 1,
            over_quota: OverQuota::Reject,
            list_lag_s: 0,
            seconds_per_step: None,
        }
    }
}

impl VertexSettings {
    /// These settings with the fields of `changes`.
    pub(super) fn with(&self, changes: &Value) -> Result<Self, Error> {
        let mut settings = self.to_json()?;
        if let (Some(settings), Some(changes)) = (settings.as_object_mut(), changes.as_object()) {
            settings.extend(changes.clone());
        }
        let settings: Self = serde_json::from_value(settings)
            .map_err(|error| invalid(format!("settings: {error}")))?;
        let pace = settings.seconds_per_step.unwrap_or(1.0);
        if !pace.is_finite() || pace <= 0.0 {
            return Err(invalid(
                "settings: `seconds_per_step` must be greater than 0",
            ));
        }
        Ok(settings)
    }

    pub(super) fn to_json(&self) -> Result<Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::new("INTERNAL", error.to_string()))
    }
}
