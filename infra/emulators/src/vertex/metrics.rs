//! Loss curves: the job's experiment, its run, and the TensorBoard behind them.
//!
//! Readers follow the path of Google's notebook `gemini/tuning/sft_gemini_summarization`:
//! experiment context, run context, run, time series, data.

use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, VertexCall, invalid, not_found, time},
    filter,
    number::Seed,
    observe::{JobView, observe},
    record::JobRecord,
    render::SIMULATED,
    series::{self, BATCH_READ_POINTS_MAX, ScalarPoint, data, points, sampled, series_of},
    state::State,
    tuning::list_of,
};
use crate::rest::Error;

/// Series in one `batchRead`.
const BATCH_READ_SERIES_MAX: usize = 100;

impl Vertex {
    /// `GET …/metadataStores/default/contexts/ID`: an experiment, or a run of one.
    pub(super) fn get_context(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let state = self.state();
        let experiment = id.strip_suffix("-run").unwrap_or(id);
        let (job, _) = self.experiment(&state, call, experiment)?;
        Ok(Answer::Json(if experiment == id {
            experiment_context(job)
        } else {
            run_context(job)
        }))
    }

    /// `GET …/metadataStores/default/contexts`.
    pub(super) fn list_contexts(&self, call: &VertexCall) -> Result<Answer, Error> {
        let terms = filter::parse(call.param("filter"))?;
        let now = self.clock.now();
        let state = self.state();
        let begun = state.jobs.values().filter(|job| {
            job.project == call.project
                && job.location == call.location
                && observe(job, now).started.is_some()
        });
        let mut contexts: Vec<Value> = begun
            .flat_map(|job| [experiment_context(job), run_context(job)])
            .collect();
        for term in &terms {
            contexts.retain(|context| match term.field.as_str() {
                "parent_contexts" => context
                    .pointer("/parentContexts/0")
                    .and_then(Value::as_str)
                    .is_some_and(|parent| last(parent) == last(&term.value)),
                "schema_title" => term.passes(context.get("schemaTitle").and_then(Value::as_str)),
                "display_name" => term.passes(context.get("displayName").and_then(Value::as_str)),
                _ => true,
            });
        }
        let name = |context: &Value| {
            context
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let (page, token) = call.page(contexts, name)?;
        Ok(Answer::Json(list_of("contexts", page, token)))
    }

    /// Calls on `…/tensorboards/T` and below.
    pub(super) fn tensorboard(&self, call: &VertexCall) -> Result<Answer, Error> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let state = self.state();
        if path.get(1) != Some(&tensorboard_id(&call.project, &call.location).as_str()) {
            return Err(not_found(&format!("{}/{}", call.parent(), path.join("/"))));
        }
        match (call.method.as_str(), path.as_slice(), call.verb.as_str()) {
            ("GET", [_, _], "") => Ok(Answer::Json(json!({
                "name": format!("{}/tensorboards/{}", call.parent(), tensorboard_id(&call.project, &call.location)),
                "displayName": "tuning", "description": SIMULATED,
            }))),
            ("GET", [_, _], "batchRead") => self.batch_read(&state, call),
            ("GET", [_, _, "experiments", experiment], "") => {
                let (job, _) = self.experiment(&state, call, experiment)?;
                Ok(Answer::Json(
                    json!({ "name": experiment_name(job), "displayName": experiment, "description": SIMULATED }),
                ))
            }
            ("GET", [_, _, "experiments", experiment, "runs"], "") => {
                let (job, _) = self.experiment(&state, call, experiment)?;
                Ok(Answer::Json(list_of(
                    "tensorboardRuns",
                    vec![run(job)],
                    None,
                )))
            }
            ("GET", [_, _, "experiments", experiment, "runs", "run"], "") => {
                let (job, _) = self.experiment(&state, call, experiment)?;
                Ok(Answer::Json(run(job)))
            }
            ("GET", [_, _, "experiments", experiment, "runs", "run", "timeSeries"], "") => {
                let (job, _) = self.experiment(&state, call, experiment)?;
                let series = series_of(job)
                    .map(|(id, name)| time_series(job, id, name))
                    .collect();
                Ok(Answer::Json(list_of("tensorboardTimeSeries", series, None)))
            }
            (
                "GET",
                [
                    _,
                    _,
                    "experiments",
                    experiment,
                    "runs",
                    "run",
                    "timeSeries",
                    id,
                ],
                "read",
            ) => {
                let points = self.points(&state, call, experiment, id)?;
                let most = match call.param("maxDataPoints").parse::<i64>().unwrap_or(1_000) {
                    -1 => usize::MAX,
                    most => usize::try_from(most).unwrap_or(1_000),
                };
                Ok(Answer::Json(
                    json!({ "timeSeriesData": data(id, &sampled(points, most)) }),
                ))
            }
            (
                "POST",
                [
                    _,
                    _,
                    "experiments",
                    experiment,
                    "runs",
                    "run",
                    "timeSeries",
                    id,
                ],
                "exportTensorboardTimeSeries",
            ) => series::export(call, self.points(&state, call, experiment, id)?),
            _ => Err(call.unimplemented()),
        }
    }

    fn experiment<'a>(
        &self,
        state: &'a State,
        call: &VertexCall,
        id: &str,
    ) -> Result<(&'a JobRecord, JobView), Error> {
        id.rsplit_once('-')
            .and_then(|(_, job)| state.job(&call.project, &call.location, job))
            .filter(|job| job.experiment_id() == id)
            .map(|job| (job, observe(job, self.clock.now())))
            // It is created when the job starts to run, not before.
            .filter(|(_, view)| view.started.is_some())
            .ok_or_else(|| {
                not_found(&format!(
                    "{}/metadataStores/default/contexts/{id}",
                    call.parent()
                ))
            })
    }

    fn points(
        &self,
        state: &State,
        call: &VertexCall,
        experiment: &str,
        id: &str,
    ) -> Result<Vec<ScalarPoint>, Error> {
        let (job, view) = self.experiment(state, call, experiment)?;
        let (_, name) = series_of(job)
            .find(|(series, _)| *series == id)
            .ok_or_else(|| not_found(&format!("{}/timeSeries/{id}", run_name(job))))?;
        Ok(points(job, &view, name))
    }

    fn batch_read(&self, state: &State, call: &VertexCall) -> Result<Answer, Error> {
        let mut all = Vec::new();
        for name in call.params("timeSeries").take(BATCH_READ_SERIES_MAX) {
            let segments: Vec<&str> = name.split('/').collect();
            let [
                ..,
                "experiments",
                experiment,
                "runs",
                "run",
                "timeSeries",
                id,
            ] = segments.as_slice()
            else {
                return Err(invalid(format!(
                    "`{name}` is not the name of a time series"
                )));
            };
            let points = self.points(state, call, experiment, id)?;
            all.push(data(id, &sampled(points, BATCH_READ_POINTS_MAX)));
        }
        if all.is_empty() {
            return Err(invalid("`timeSeries` is required"));
        }
        Ok(Answer::Json(json!({ "timeSeriesData": all })))
    }
}

fn tensorboard_id(project: &str, location: &str) -> String {
    Seed::of(project.as_bytes())
        .named(location)
        .named("tensorboard")
        .id()
}

fn tensorboard_name(job: &JobRecord) -> String {
    format!(
        "{}/tensorboards/{}",
        job.parent(),
        tensorboard_id(&job.project, &job.location)
    )
}

fn experiment_name(job: &JobRecord) -> String {
    format!(
        "{}/experiments/{}",
        tensorboard_name(job),
        job.experiment_id()
    )
}

fn run_name(job: &JobRecord) -> String {
    format!("{}/runs/run", experiment_name(job))
}

fn context_name(job: &JobRecord) -> String {
    format!(
        "{}/metadataStores/default/contexts/{}",
        job.parent(),
        job.experiment_id()
    )
}

fn experiment_context(job: &JobRecord) -> Value {
    json!({
        "name": context_name(job),
        "displayName": job.experiment_id(),
        "schemaTitle": "system.Experiment",
        "schemaVersion": "0.0.1",
        "createTime": time(job.created),
        "description": SIMULATED,
        "metadata": { "backing_tensorboard_resource": tensorboard_name(job), "simulated": true },
    })
}

fn run_context(job: &JobRecord) -> Value {
    json!({
        "name": format!("{}-run", context_name(job)),
        "displayName": "run",
        "schemaTitle": "system.ExperimentRun",
        "schemaVersion": "0.0.1",
        "createTime": time(job.created),
        "parentContexts": [context_name(job)],
        "description": SIMULATED,
        "metadata": { "simulated": true },
    })
}

fn run(job: &JobRecord) -> Value {
    json!({ "name": run_name(job), "displayName": "run", "createTime": time(job.created), "description": SIMULATED })
}

fn time_series(job: &JobRecord, id: &str, name: &str) -> Value {
    json!({
        "name": format!("{}/timeSeries/{id}", run_name(job)),
        "displayName": name,
        "valueType": "SCALAR",
        "pluginName": "scalars",
        "createTime": time(job.created),
    })
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
