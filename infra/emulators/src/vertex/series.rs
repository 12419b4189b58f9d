//! The points of a run's time series, and the orders and samples in which they are read.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    call::{Answer, VertexCall, invalid, time},
    number::{Seed, count, length, real, whole},
    observe::{JobView, step_at},
    protojson,
    record::{BATCH, JobRecord},
    tuning::list_of,
};
use crate::rest::Error;

/// Points of a series in `batchRead`: "sampled to 1000 data points" for scalars.
pub(super) const BATCH_READ_POINTS_MAX: usize = 1_000;
/// Points of a series; the interval in steps follows from that.
const POINTS_MAX: u64 = 10_000;
/// Evaluations in one epoch.
const EVALUATIONS_PER_EPOCH: u64 = 5;
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
pub(super) struct ScalarPoint {
    step: u64,
    at: DateTime<Utc>,
    value: f64,
}

/// The series of the run of `job`, by id and name.
pub(super) fn series_of(job: &JobRecord) -> impl Iterator<Item = (&'static str, &'static str)> {
    let validated = job.validation_uri.is_some();
    SERIES
        .into_iter()
        .filter(move |(_, name)| validated || !name.starts_with("/eval_"))
}

/// The points of the series `name` so far.
pub(super) fn points(job: &JobRecord, view: &JobView, name: &str) -> Vec<ScalarPoint> {
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
        .map(|step| ScalarPoint {
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

/// At most `most` points, including the first and the last.
pub(super) fn sampled(points: Vec<ScalarPoint>, most: usize) -> Vec<ScalarPoint> {
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

/// The answer of `:exportTensorboardTimeSeries`.
pub(super) fn export(call: &VertexCall, points: Vec<ScalarPoint>) -> Result<Answer, Error> {
    let mut points = points;
    let order = protojson::string(&call.body, "orderBy")?;
    match order.split_whitespace().collect::<Vec<_>>().as_slice() {
        // "The default sort order is pseudo random": exposes clients that rely on an order.
        [] => points.sort_by_key(|point| Seed::of(&point.step.to_be_bytes()).with(1).value()),
        ["step" | "wall_time"] | ["step" | "wall_time", "asc"] => {}
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
            .map_err(|_not_ours| invalid("`pageToken` is not a token of this list"))?,
    };
    let more = points.len().saturating_sub(start) > size;
    let page = points.iter().skip(start).take(size).map(value).collect();
    let token = more.then(|| (start + size).to_string());
    Ok(Answer::Json(list_of("timeSeriesDataPoints", page, token)))
}

/// A `TimeSeriesData`.
pub(super) fn data(id: &str, points: &[ScalarPoint]) -> Value {
    let values: Vec<Value> = points.iter().map(value).collect();
    json!({ "tensorboardTimeSeriesId": id, "valueType": "SCALAR", "values": values })
}

fn value(point: &ScalarPoint) -> Value {
    json!({
        "wallTime": time(point.at),
        "step": point.step.to_string(),
        "scalar": { "value": protojson::number(point.value) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vertex::{observe::observe, record::sample};

    #[test]
    fn evaluations_exist_with_a_validation_file_only() {
        let mut job = sample();
        assert_eq!(series_of(&job).count(), 3);
        job.validation_uri = Some("gs://b/val.jsonl".to_owned());
        assert_eq!(series_of(&job).count(), 6);
    }

    #[test]
    fn a_long_series_is_sampled_with_its_ends() {
        let mut job = sample();
        job.epochs = 400;
        let view = observe(&job, job.created + chrono::TimeDelta::days(30));
        let all = points(&job, &view, "/train_total_loss");
        assert_eq!(all.len(), 4000);
        let some = sampled(all, BATCH_READ_POINTS_MAX);
        let ends = (some.first().unwrap().step, some.last().unwrap().step);
        assert_eq!((some.len(), ends), (1000, (1, 4000)));
    }

    #[test]
    fn a_very_long_run_has_fewer_points_than_steps() {
        let mut job = sample();
        job.epochs = 9_999;
        job.seconds_per_step = Some(1.0);
        let view = observe(&job, job.created + chrono::TimeDelta::days(30));
        assert!(points(&job, &view, "/train_total_loss").len() <= 10_000);
    }
}
