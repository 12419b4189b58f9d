//! What a job's tasks and a service's revisions run.

use serde::Deserialize;

/// A container, as both name it.
#[derive(Debug, Deserialize)]
pub(super) struct Container {
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<Variable>,
}

/// A variable of its environment.
#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}
