//! Where loss curves are read: the job's experiment, its run, and the TensorBoard behind them.
//!
//! The way is that of Google's notebook `gemini/tuning/sft_gemini_summarization`:
//! experiment context, run context, run, time series, data.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, Call, invalid, not_found, time},
    filter,
    ledger::Ledger,
    number::{Seed, count, length, real, whole},
    observe::{View, observe, step_at},
    protojson,
    record::{BATCH, JobRecord},
    render::SIMULATED,
    tuning::list_of,
};
use crate::rest::Error;

/// Points of a series that `batchRead` gives: "sampled to 1000 data points" for scalars.
const BATCH_READ_POINTS_MAX: usize = 1_000;
/// Points that a series has; the steps between are as many as that takes.
const POINTS_MAX: u64 = 10_000;
/// Evaluations in one epoch.
const EVALUATIONS_PER_EPOCH: u64 = 5;
/// Series in one `batchRead`.
const BATCH_READ_SERIES_MAX: usize = 100;

/// The scalars of a tuning run, by the id of their series; the slash is part of the name.
const SERIES: [(&str, &str); 6] = [
    ("1", "/train_total_loss"),
    ("2", "/train_fraction_of_correct_next_step_preds"),
    ("3", "/train_num_predictions"),
    ("4", "/eval_total_loss"),
    ("5", "/eval_fraction_of_correct_next_step_preds"),
    ("6", "/eval_num_predictions"),
];

/// A value of a series.
#[derive(Debug, Clone, Copy)]
struct Point {
    step: u64,
    at: DateTime<Utc>,
    value: f64,
}

impl Vertex {
    /// `GET …/metadataStores/default/contexts/ID`: an experiment, or a run of one.
    pub(super) fn get_context(&self, call: &Call, id: &str) -> Result<Answer, Error> {
        let ledger = self.ledger();
        let experiment = id.strip_suffix("-run").unwrap_or(id);
        let (job, _) = self.experiment(&ledger, call, experiment)?;
        Ok(Answer::Json(if experiment == id {
            experiment_context(job)
        } else {
            run_context(job)
        }))
    }

    /// `GET …/metadataStores/default/contexts`.
    pub(super) fn list_contexts(&self, call: &Call) -> Result<Answer, Error> {
        let terms = filter::parse(call.param("filter"))?;
        let now = self.clock.now();
        let ledger = self.ledger();
        let begun = ledger.jobs.values().filter(|job| {
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
                "schema_title" => term.admits(context.get("schemaTitle").and_then(Value::as_str)),
                "display_name" => term.admits(context.get("displayName").and_then(Value::as_str)),
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

    /// Whatever lies under `…/tensorboards/T`.
    pub(super) fn tensorboard(&self, call: &Call) -> Result<Answer, Error> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let ledger = self.ledger();
        if path.get(1) != Some(&tensorboard_id(&call.project, &call.location).as_str()) {
            return Err(not_found(&format!("{}/{}", call.parent(), path.join("/"))));
        }
        match (call.method.as_str(), path.as_slice(), call.verb.as_str()) {
            ("GET", [_, _], "") => Ok(Answer::Json(json!({
                "name": format!("{}/tensorboards/{}", call.parent(), tensorboard_id(&call.project, &call.location)),
                "displayName": "tuning", "description": SIMULATED,
            }))),
            ("GET", [_, _], "batchRead") => self.batch_read(&ledger, call),
            ("GET", [_, _, "experiments", experiment], "") => {
                let (job, _) = self.experiment(&ledger, call, experiment)?;
                Ok(Answer::Json(
                    json!({ "name": experiment_name(job), "displayName": experiment, "description": SIMULATED }),
                ))
            }
            ("GET", [_, _, "experiments", experiment, "runs"], "") => {
                let (job, _) = self.experiment(&ledger, call, experiment)?;
                Ok(Answer::Json(list_of(
                    "tensorboardRuns",
                    vec![run(job)],
                    None,
                )))
            }
            ("GET", [_, _, "experiments", experiment, "runs", "run"], "") => {
                let (job, _) = self.experiment(&ledger, call, experiment)?;
                Ok(Answer::Json(run(job)))
            }
            ("GET", [_, _, "experiments", experiment, "runs", "run", "timeSeries"], "") => {
                let (job, _) = self.experiment(&ledger, call, experiment)?;
                let series = series_of(job)
                    .map(|(id, name)| series(job, id, name))
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
                let points = self.points(&ledger, call, experiment, id)?;
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
            ) => export(call, self.points(&ledger, call, experiment, id)?),
            _ => Err(call.unimplemented()),
        }
    }

    fn experiment<'a>(
        &self,
        ledger: &'a Ledger,
        call: &Call,
        id: &str,
    ) -> Result<(&'a JobRecord, View), Error> {
        id.rsplit_once('-')
            .and_then(|(_, job)| ledger.job(&call.project, &call.location, job))
            .filter(|job| job.experiment_id() == id)
            .map(|job| (job, observe(job, self.clock.now())))
            // It is made when the job begins to run, not before.
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
        ledger: &Ledger,
        call: &Call,
        experiment: &str,
        id: &str,
    ) -> Result<Vec<Point>, Error> {
        let (job, view) = self.experiment(ledger, call, experiment)?;
        let (_, name) = series_of(job)
            .find(|(series, _)| *series == id)
            .ok_or_else(|| not_found(&format!("{}/timeSeries/{id}", run_name(job))))?;
        Ok(points(job, &view, name))
    }

    fn batch_read(&self, ledger: &Ledger, call: &Call) -> Result<Answer, Error> {
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
            let points = self.points(ledger, call, experiment, id)?;
            all.push(data(id, &sampled(points, BATCH_READ_POINTS_MAX)));
        }
        if all.is_empty() {
            return Err(invalid("`timeSeries` is required"));
        }
        Ok(Answer::Json(json!({ "timeSeriesData": all })))
    }
}

fn series_of(job: &JobRecord) -> impl Iterator<Item = (&'static str, &'static str)> {
    let validated = job.validation_uri.is_some();
    SERIES
        .into_iter()
        .filter(move |(_, name)| validated || !name.starts_with("/eval_"))
}

fn points(job: &JobRecord, view: &View, name: &str) -> Vec<Point> {
    let curves = job.curves();
    let thinned = job.total_steps().div_ceil(POINTS_MAX).max(1);
    let every = if name.starts_with("/eval_") {
        (job.epoch_steps() / EVALUATIONS_PER_EPOCH).max(thinned)
    } else {
        thinned
    };
    let validation_rows = job.report.validation_rows.unwrap_or(0);
    (1..=view.steps / every)
        .map(|at| at * every)
        .map(|step| Point {
            step,
            at: step_at(job, step),
            value: match name {
                "/train_total_loss" => curves.train_loss(step),
                "/train_fraction_of_correct_next_step_preds" => curves.train_accuracy(step),
                "/train_num_predictions" => curves.predictions(step, BATCH),
                "/eval_total_loss" => curves.eval_loss(step),
                "/eval_fraction_of_correct_next_step_preds" => curves.eval_accuracy(step),
                _ => curves.predictions(0, validation_rows),
            },
        })
        .collect()
}

/// At most `most` points, the first and the last among them.
fn sampled(points: Vec<Point>, most: usize) -> Vec<Point> {
    if points.len() <= most || most < 2 {
        return points;
    }
    let stride = real(count(points.len() - 1)) / real(count(most - 1));
    (0..count(most))
        .filter_map(|at| {
            points
                .get(length(whole((real(at) * stride).round())))
                .copied()
        })
        .collect()
}

fn export(call: &Call, points: Vec<Point>) -> Result<Answer, Error> {
    let mut points = points;
    let order = protojson::string(&call.body, "orderBy")?;
    match order.split_whitespace().collect::<Vec<_>>().as_slice() {
        // "The default sort order is pseudo random": a client that relies on order shall notice.
        [] => points.sort_by_key(|point| Seed::of(&point.step.to_be_bytes()).with(1).value()),
        ["step"] | ["step", "asc"] | ["wall_time"] | ["wall_time", "asc"] => {}
        ["step" | "wall_time", "desc"] => points.reverse(),
        _ => return Err(invalid(format!("cannot order by `{order}`"))),
    }
    let size = protojson::int64(&call.body, "pageSize")?.unwrap_or(0);
    let size = match usize::try_from(size) {
        Ok(size @ 1..=10_000) => size,
        Ok(_) | Err(_) => 1_000,
    };
    let start: usize = match protojson::string(&call.body, "pageToken")? {
        "" => 0,
        token => token
            .parse()
            .map_err(|_not_ours| invalid("`pageToken` is none of this list"))?,
    };
    let more = points.len().saturating_sub(start) > size;
    let page = points.iter().skip(start).take(size).map(value).collect();
    let token = more.then(|| (start + size).to_string());
    Ok(Answer::Json(list_of("timeSeriesDataPoints", page, token)))
}

fn data(id: &str, points: &[Point]) -> Value {
    let values: Vec<Value> = points.iter().map(value).collect();
    json!({ "tensorboardTimeSeriesId": id, "valueType": "SCALAR", "values": values })
}

fn value(point: &Point) -> Value {
    json!({
        "wallTime": time(point.at),
        "step": point.step.to_string(),
        "scalar": { "value": protojson::number(point.value) },
    })
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

fn series(job: &JobRecord, id: &str, name: &str) -> Value {
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
