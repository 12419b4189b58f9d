//! The series of a job, read from its experiment and TensorBoard.

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{TuningJob, Vertex};
use crate::{
    curve::{Curve, Point},
    id::RunId,
    outcome::CallError,
};

/// Pages of a list that are read. A job has one run and some six series, which are one page.
const LIST_PAGES_MAX: usize = 20;

impl Vertex {
    /// Reads the series so far, complete: `None` while the service has none.
    ///
    /// The experiment of a job appears minutes after the job: until then the service answers 404,
    /// which is not a failure. Beyond 1,000 points of a series the service answers a random sample of
    /// them, so what is read is merged with what is known ([`Curve::merged`]).
    pub fn curve<'a>(
        &'a self,
        run: &'a RunId,
        job: &'a TuningJob,
    ) -> BoxFuture<'a, Result<Option<Curve>, CallError>> {
        Box::pin(async move {
            let Some(experiment) = &job.experiment else {
                return Ok(None);
            };
            let mut curve = Curve::new(run.clone());
            last_segment(&job.name).clone_into(&mut curve.job);
            match self.read_curve(experiment, curve).await {
                Err(CallError::Missing(_)) => Ok(None),
                other => other,
            }
        })
    }

    async fn read_curve(
        &self,
        experiment: &str,
        mut curve: Curve,
    ) -> Result<Option<Curve>, CallError> {
        let context: Context = self.get("v1", experiment, &[]).await?;
        let Some(tensorboard) = context.metadata.backing_tensorboard_resource else {
            return Ok(None);
        };
        let id = last_segment(experiment);
        for run in self
            .board_items(&format!("{tensorboard}/experiments/{id}/runs"))
            .await?
        {
            for series in self
                .board_items(&format!("{}/timeSeries", run.name))
                .await?
            {
                if series.is_scalar() {
                    let points = self.points(&tensorboard, &series.name).await?;
                    curve.add(&series.display_name, points);
                }
            }
        }
        Ok(Some(curve))
    }

    /// A list of runs or of series, to its end.
    async fn board_items(&self, path: &str) -> Result<Vec<BoardItem>, CallError> {
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..LIST_PAGES_MAX {
            let page: BoardPage = self.get("v1", path, &[("pageToken", &token)]).await?;
            found.extend(page.tensorboard_runs);
            found.extend(page.tensorboard_time_series);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn points(&self, tensorboard: &str, series: &str) -> Result<Vec<Point>, CallError> {
        let path = format!("{tensorboard}:batchRead");
        let data: SeriesAnswer = self.get("v1", &path, &[("timeSeries", series)]).await?;
        Ok(data.points())
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Reads a number that may be written as text: int64, `NaN`, `Infinity`. Absent, it is 0: proto3
/// JSON omits zeros (<https://protobuf.dev/programming-guides/json/>).
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads a step; absent, it is 0.
fn step(value: &Value) -> Option<u64> {
    if value.is_null() {
        Some(0)
    } else {
        super::job::whole(value)
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

/// A page of runs or of series.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BoardPage {
    #[serde(default)]
    tensorboard_runs: Vec<BoardItem>,
    #[serde(default)]
    tensorboard_time_series: Vec<BoardItem>,
    #[serde(default)]
    next_page_token: String,
}

/// A run or a series.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BoardItem {
    name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    value_type: String,
}

impl BoardItem {
    /// Whether it is a series of numbers, and not of tensors or blobs. One that does not say is read.
    fn is_scalar(&self) -> bool {
        matches!(self.value_type.as_str(), "" | "SCALAR")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeriesAnswer {
    #[serde(default)]
    time_series_data: Vec<SeriesData>,
}

impl SeriesAnswer {
    /// The points, in the order of the answer, which the service does not promise.
    fn points(self) -> Vec<Point> {
        let values = self.time_series_data.into_iter().flat_map(|it| it.values);
        values
            .filter_map(|value| {
                let loss = number(&value.scalar.value).unwrap_or(f64::NAN);
                Some(Point::new(step(&value.step)?, loss))
            })
            .collect()
    }
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

    #[track_caller]
    fn check(value: &Value, expected: Option<(u64, Option<f64>)>) {
        let answer = json!({"timeSeriesData": [{"values": [value]}]});
        let answer: SeriesAnswer = serde_json::from_value(answer).unwrap();
        let points = answer.points();
        let found = points.first().map(|point| (point.step, point.loss));
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn zeros_are_omitted_and_numbers_may_come_as_text() {
        check(
            &json!({"step": "30", "scalar": {"value": 0.5}}),
            Some((30, Some(0.5))),
        );
        check(
            &json!({"step": 30, "scalar": {"value": "0.5"}}),
            Some((30, Some(0.5))),
        );
        check(&json!({"step": "30", "scalar": {}}), Some((30, Some(0.0))));
        check(&json!({"step": "30"}), Some((30, Some(0.0))));
        check(&json!({"scalar": {"value": 1.5}}), Some((0, Some(1.5))));
        check(&json!({}), Some((0, Some(0.0))));
        check(
            &json!({"step": "30", "scalar": {"value": "NaN"}}),
            Some((30, None)),
        );
        check(
            &json!({"step": "30", "scalar": {"value": "-Infinity"}}),
            Some((30, None)),
        );
        check(&json!({"step": "many", "scalar": {"value": 1}}), None);
    }

    #[test]
    fn a_page_says_whether_another_follows() {
        let page: BoardPage = serde_json::from_value(json!({
            "tensorboardTimeSeries": [
                {"name": "t/1", "displayName": "/train_mean_reward", "valueType": "SCALAR"},
                {"name": "t/2", "displayName": "/samples", "valueType": "BLOB_SEQUENCE"},
                {"name": "t/3", "displayName": "/new"},
            ],
            "nextPageToken": "2",
        }))
        .unwrap();
        let scalars = page
            .tensorboard_time_series
            .iter()
            .filter(|it| it.is_scalar());
        let names: Vec<&str> = scalars.map(|it| it.display_name.as_str()).collect();
        assert_eq!(names, ["/train_mean_reward", "/new"]);
        assert_eq!(page.next_page_token, "2");
    }
}
