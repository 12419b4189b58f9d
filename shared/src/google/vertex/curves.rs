//! The losses of a job, read from its experiment and TensorBoard.

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{TuningJob, Vertex};
use crate::{
    curve::{Curve, POINTS_MAX, Point},
    id::RunId,
    outcome::CallError,
};

/// The display names of the two series; the slash is part of them.
const TRAIN: &str = "/train_total_loss";
const EVAL: &str = "/eval_total_loss";

impl Vertex {
    /// Reads the losses so far; an empty curve while there are none.
    ///
    /// The experiment of a job appears minutes after the job: until then the service answers 404,
    /// which is not a failure.
    pub fn curve<'a>(
        &'a self,
        run: &'a RunId,
        job: &'a TuningJob,
    ) -> BoxFuture<'a, Result<Curve, CallError>> {
        Box::pin(async move {
            let empty = Curve::new(run.clone());
            let Some(experiment) = &job.experiment else {
                return Ok(empty);
            };
            match self.read_curve(experiment, empty.clone()).await {
                Err(CallError::Missing(_)) => Ok(empty),
                other => other,
            }
        })
    }

    async fn read_curve(&self, experiment: &str, mut curve: Curve) -> Result<Curve, CallError> {
        let context: Context = self.get("v1", experiment, &[]).await?;
        let Some(tensorboard) = context.metadata.backing_tensorboard_resource else {
            return Ok(curve);
        };
        let id = experiment.rsplit('/').next().unwrap_or_default();
        let path = format!("{tensorboard}/experiments/{id}/runs");
        let runs: Runs = self.get("v1", &path, &[]).await?;
        for run in runs.tensorboard_runs {
            let path = format!("{}/timeSeries", run.name);
            let series: SeriesPage = self.get("v1", &path, &[]).await?;
            for series in series.tensorboard_time_series {
                let into = match series.display_name.as_str() {
                    TRAIN => &mut curve.train,
                    EVAL => &mut curve.eval,
                    _ => continue,
                };
                into.extend(self.points(&tensorboard, &series.name).await?);
                // The service does not promise an order.
                into.sort_by_key(|point| point.step);
                into.dedup_by_key(|point| point.step);
                thin(into);
            }
        }
        Ok(curve)
    }

    async fn points(&self, tensorboard: &str, series: &str) -> Result<Vec<Point>, CallError> {
        let path = format!("{tensorboard}:batchRead");
        let data: Data = self.get("v1", &path, &[("timeSeries", series)]).await?;
        let values = data
            .time_series_data
            .into_iter()
            .flat_map(|data| data.values);
        Ok(values
            .filter_map(|value| {
                Some(Point {
                    step: super::job::whole(&value.step)?,
                    loss: number(&value.scalar.value).filter(|loss| loss.is_finite()),
                })
            })
            .collect())
    }
}

/// Keeps every n-th point, and the last one, where a series has too many for a document.
fn thin(points: &mut Vec<Point>) {
    let stride = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    let mut index = 0;
    points.retain(|_| {
        let keep = index % stride == 0 || index == last;
        index += 1;
        keep
    });
}

/// Reads a number that may be written as text: int64, `NaN`, `Infinity`.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    metadata: ContextMetadata,
}

#[derive(Default, Deserialize)]
struct ContextMetadata {
    backing_tensorboard_resource: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Runs {
    #[serde(default)]
    tensorboard_runs: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeriesPage {
    #[serde(default)]
    tensorboard_time_series: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    name: String,
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    time_series_data: Vec<SeriesData>,
}

#[derive(Deserialize)]
struct SeriesData {
    #[serde(default)]
    values: Vec<SeriesValue>,
}

#[derive(Deserialize)]
struct SeriesValue {
    #[serde(default)]
    step: Value,
    #[serde(default)]
    scalar: Scalar,
}

#[derive(Default, Deserialize)]
struct Scalar {
    #[serde(default)]
    value: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_come_as_text() {
        assert_eq!(number(&json!("12")), Some(12.0));
        assert_eq!(number(&json!(0.5)), Some(0.5));
        assert!(number(&json!("NaN")).is_some_and(f64::is_nan));
        assert_eq!(number(&json!(null)), None);
    }

    #[test]
    fn a_long_series_is_thinned_and_keeps_its_end() {
        let mut points: Vec<Point> = (0..2_501).map(|step| Point { step, loss: None }).collect();
        thin(&mut points);
        assert!(points.len() <= POINTS_MAX + 1, "{}", points.len());
        assert_eq!(points.last().map(|point| point.step), Some(2_500));
    }
}
