//! How requests are answered, as Cloud Monitoring counts them.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use shared::{google::rest::Rest, outcome::CallError};

use crate::requests::Requests;

/// The class of answers that are the service's fault.
const ERRORS: &str = "5xx";

/// Reads counts.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) monitoring: Rest,
    pub(crate) project: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Page {
    time_series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: Metric,
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Point {
    value: Value,
}

impl Point {
    /// A count: a text of 64 bits, or a number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is whole, positive, and far below 2^52; else the cast saturates"
    )]
    fn count(&self) -> u64 {
        let whole = self.value.get("int64Value").and_then(Value::as_str);
        let whole = whole.and_then(|text| text.parse().ok());
        let float = self.value.get("doubleValue").and_then(Value::as_f64);
        whole.or(float.map(|it| it as u64)).unwrap_or_default()
    }
}

impl Observer {
    /// The requests that `revision` answered between two moments.
    ///
    /// One page is read: a revision has one series for each code, tens at most.
    pub(crate) async fn requests(
        &self,
        revision: &str,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Requests, CallError> {
        let filter = format!(
            "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.revision_name=\"{revision}\""
        );
        let (start, end) = (start.to_rfc3339(), end.to_rfc3339());
        let query = [
            ("filter", filter.as_str()),
            ("interval.startTime", start.as_str()),
            ("interval.endTime", end.as_str()),
        ];
        let path = format!("v3/projects/{}/timeSeries", self.project);
        let page = self
            .monitoring
            .call(Method::GET, &path, &query, None)
            .await?;
        let page: Page = serde_json::from_value(page).map_err(CallError::not_sent)?;
        let mut requests = Requests::default();
        for series in page.time_series {
            let count: u64 = series.points.iter().map(Point::count).sum();
            requests.all += count;
            let class = series.metric.labels.get("response_code_class");
            if class.is_some_and(|class| class == ERRORS) {
                requests.errors += count;
            }
        }
        Ok(requests)
    }
}
