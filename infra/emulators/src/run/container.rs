//! The container of a job's tasks and of a service's revisions.

use serde::Deserialize;

/// A container, in the form that both resources share.
#[derive(Debug, Deserialize)]
pub(super) struct ContainerSpec {
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<Variable>,
}

/// An environment variable.
#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}
