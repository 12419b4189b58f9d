//! A job: the program of its tasks, their number, and their retries.

use std::{collections::BTreeMap, num::NonZero, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::container::{ContainerSpec, Variable};
use crate::rest::{self, invalid};

/// Maximum of tasks in an execution (<https://cloud.google.com/run/quotas>).
const TASKS_MAX: u32 = 10_000;
/// Maximum of retries of a task.
const RETRIES_MAX: u32 = 10;
/// Retries of a task unless the job sets them.
const RETRIES: u32 = 3;
/// Maximum of an attempt's timeout: a week.
const TIMEOUT_MAX: Duration = Duration::from_hours(7 * 24);
/// An attempt's timeout unless the job sets one.
const TIMEOUT: Duration = Duration::from_mins(10);
/// Maximum length of a job's id, in characters.
const ID_CHARS_MAX: usize = 63;

/// A job, parsed.
#[derive(Debug, Clone)]
pub(super) struct RunJob {
    pub(super) tasks: u32,
    pub(super) retries: u32,
    pub(super) timeout: Duration,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    parallelism: u32,
}

#[derive(Debug, Deserialize)]
struct RunJobFields {
    template: Template,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    #[serde(default)]
    parallelism: u32,
    task_count: Option<u32>,
    #[serde(rename = "template")]
    task: TaskTemplate,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskTemplate {
    #[serde(default)]
    containers: Vec<ContainerSpec>,
    max_retries: Option<u32>,
    timeout: Option<String>,
}

/// The overrides of one execution: <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunRequest {
    #[serde(default)]
    overrides: Overrides,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Overrides {
    #[serde(rename = "containerOverrides", default)]
    containers: Vec<ContainerOverride>,
    task_count: Option<u32>,
    timeout: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContainerOverride {
    #[serde(default)]
    env: Vec<Variable>,
}

impl RunJob {
    /// Parses a job's JSON resource.
    pub(super) fn parse(resource: &Value) -> Result<Self, rest::Error> {
        let wire =
            RunJobFields::deserialize(resource).map_err(|error| invalid(error.to_string()))?;
        let Template {
            parallelism,
            task_count,
            task,
        } = wire.template;
        let [container] = <[ContainerSpec; 1]>::try_from(task.containers)
            .map_err(|all| invalid(format!("expected one container, found {}", all.len())))?;
        let program = if container.command.is_empty() {
            vec![container.image]
        } else {
            container.command
        };
        let job = Self {
            tasks: task_count.unwrap_or(1),
            retries: task.max_retries.unwrap_or(RETRIES),
            timeout: duration(task.timeout.as_deref())?.unwrap_or(TIMEOUT),
            command: [program, container.args].concat(),
            variables: variables(container.env)?,
            parallelism,
        };
        job.checked()
    }

    /// The job with the overrides in the body of a `:run` call.
    pub(super) fn overridden(mut self, body: &Value) -> Result<Self, rest::Error> {
        let request = RunRequest::deserialize(body).map_err(|error| invalid(error.to_string()))?;
        let overrides = request.overrides;
        if overrides.containers.len() > 1 {
            return Err(invalid(
                "overrides.containerOverrides: expected one, as the job has one container",
            ));
        }
        for container in overrides.containers {
            self.variables.extend(variables(container.env)?);
        }
        if let Some(tasks) = overrides.task_count {
            self.tasks = tasks;
        }
        if let Some(timeout) = duration(overrides.timeout.as_deref())? {
            self.timeout = timeout;
        }
        self.checked()
    }

    /// Tasks that run at a time: as many as there are cores, unless the job sets fewer.
    pub(super) fn parallel(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        match usize::try_from(self.parallelism) {
            Ok(0) | Err(_) => cores,
            Ok(most) => most,
        }
    }

    fn checked(self) -> Result<Self, rest::Error> {
        let outside = |field: &str, least: u32, most: u32| {
            Err(invalid(format!("{field}: expected {least} to {most}")))
        };
        if self.tasks == 0 || self.tasks > TASKS_MAX {
            return outside("taskCount", 1, TASKS_MAX);
        }
        if self.retries > RETRIES_MAX {
            return outside("maxRetries", 0, RETRIES_MAX);
        }
        if self.timeout.is_zero() || self.timeout > TIMEOUT_MAX {
            return Err(invalid("timeout: expected more than 0 and at most a week"));
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err(invalid("the container has neither an image nor a command"));
        }
        Ok(self)
    }
}

/// Whether `id` is a valid id of a job.
pub(super) fn is_id(id: &str) -> bool {
    let starts = id.starts_with(|c: char| c.is_ascii_lowercase());
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    starts && id.len() <= ID_CHARS_MAX && id.chars().all(inside) && !id.ends_with('-')
}

fn variables(wire: Vec<Variable>) -> Result<BTreeMap<String, String>, rest::Error> {
    let reserved = |name: &str| name.is_empty() || name.starts_with("CLOUD_RUN_");
    if let Some(wrong) = wire.iter().find(|variable| reserved(&variable.name)) {
        return Err(invalid(format!(
            "env: the name `{}` is reserved",
            wrong.name
        )));
    }
    let pairs = wire.into_iter().map(|it| (it.name, it.value));
    Ok(pairs.collect())
}

/// Parses `600s` or `3.5s`, the JSON form of a duration.
fn duration(text: Option<&str>) -> Result<Option<Duration>, rest::Error> {
    let Some(text) = text else { return Ok(None) };
    let seconds = text.strip_suffix('s').and_then(|it| it.parse::<f64>().ok());
    let duration = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
    let duration =
        duration.ok_or_else(|| invalid(format!("timeout: `{text}` is not a duration")))?;
    Ok(Some(duration))
}
