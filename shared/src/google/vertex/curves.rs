//! The series of a job, read from its experiment and TensorBoard.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::{
    TuningJob, Vertex,
    boards::{Board, Series},
};
use crate::{
    curve::{Curve, Point},
    id::RunId,
    outcome::CallError,
};

/// Pages of a list that are read. A job has one run and some six series, which are one page.
const LIST_PAGES_MAX: usize = 20;
/// Series of one call: their names stand in its address, each with some 150 bytes.
const SERIES_AT_ONCE: usize = 20;

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
            let read = self.read_curve(experiment, curve).await;
            if read.is_err() {
                self.boards.forget(experiment);
            }
            match read {
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
        let board = match self.boards.read(experiment) {
            Some(board) => board,
            None => match self.board(experiment).await? {
                Some(board) => board,
                None => return Ok(None),
            },
        };
        for some in board.series.chunks(SERIES_AT_ONCE) {
            let mut points = self.points(&board.tensorboard, some).await?;
            for series in some {
                let points = points.remove(last_segment(&series.name));
                curve.add(&series.display_name, points.unwrap_or_default());
            }
        }
        Ok(Some(curve))
    }

    /// Finds the series of an experiment: `None` while it has no `TensorBoard`.
    async fn board(&self, experiment: &str) -> Result<Option<Board>, CallError> {
        let context: Context = self.get("v1", experiment, &[]).await?;
        let Some(tensorboard) = context.metadata.backing_tensorboard_resource else {
            return Ok(None);
        };
        let id = last_segment(experiment);
        let runs = format!("{tensorboard}/experiments/{id}/runs");
        let mut series = Vec::new();
        for run in self.board_items(&runs).await? {
            let path = format!("{}/timeSeries", run.name);
            let items = self.board_items(&path).await?;
            let scalars = items.into_iter().filter(BoardItem::is_scalar);
            series.extend(scalars.map(|item| Series {
                name: item.name,
                display_name: item.display_name,
            }));
        }
        let board = Board {
            tensorboard,
            series,
        };
        self.boards.keep(experiment, &board);
        Ok(Some(board))
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

    /// The points of `series`, by their ids.
    async fn points(
        &self,
        tensorboard: &str,
        series: &[Series],
    ) -> Result<BTreeMap<String, Vec<Point>>, CallError> {
        let path = format!("{tensorboard}:batchRead");
        let names = series.iter().map(|series| ("timeSeries", &*series.name));
        let names: Vec<(&str, &str)> = names.collect();
        let data: SeriesAnswer = self.get("v1", &path, &names).await?;
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
    /// The points by the ids of their series, each in the order of the answer, which the service does not promise.
    fn points(self) -> BTreeMap<String, Vec<Point>> {
        let data = self.time_series_data.into_iter();
        data.map(|data| (data.tensorboard_time_series_id, points(data.values)))
            .collect()
    }
}

fn points(values: Vec<SeriesValue>) -> Vec<Point> {
    let values = values.into_iter();
    values
        .filter_map(|value| {
            let loss = number(&value.scalar.value).unwrap_or(f64::NAN);
            Some(Point::new(step(&value.step)?, loss))
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeriesData {
    #[serde(default)]
    tensorboard_time_series_id: String,
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
        let other = json!({"tensorboardTimeSeriesId": "8"});
        let asked = json!({"tensorboardTimeSeriesId": "7", "values": [value]});
        let answer = json!({"timeSeriesData": [other, asked]});
        let answer: SeriesAnswer = serde_json::from_value(answer).unwrap();
        let points = answer.points();
        assert_eq!(points["8"], []);
        let found = points["7"].first().map(|point| (point.step, point.loss));
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
