//! Counts of requests and errors, from Cloud Monitoring.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use shared::{google::rest::Rest, outcome::CallError};

use crate::request_counts::RequestCounts;

/// The class of responses that are the service's fault.
const ERRORS: &str = "5xx";

/// Reads counts.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) monitoring: Rest,
    pub(crate) project: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TimeSeriesPage {
    time_series: Vec<TimeSeries>,
}

#[derive(Debug, Deserialize)]
struct TimeSeries {
    metric: MetricLabels,
    #[serde(default)]
    points: Vec<CountPoint>,
}

#[derive(Debug, Deserialize)]
struct MetricLabels {
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct CountPoint {
    value: Value,
}

impl CountPoint {
    /// A count: a string of a 64-bit number, or a floating-point number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is a natural number far below 2^52; any other value saturates"
    )]
    fn count(&self) -> u64 {
        let whole = self.value.get("int64Value").and_then(Value::as_str);
        let whole = whole.and_then(|text| text.parse().ok());
        let float = self.value.get("doubleValue").and_then(Value::as_f64);
        whole.or(float.map(|it| it as u64)).unwrap_or_default()
    }
}

impl Observer {
    /// The requests that `revision` answered between two points in time.
    ///
    /// Only one page is read: a revision has one series for each response code, a few dozen at most.
    pub(crate) async fn requests(
        &self,
        revision: &str,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<RequestCounts, CallError> {
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
        let page: TimeSeriesPage = serde_json::from_value(page).map_err(CallError::not_sent)?;
        let mut requests = RequestCounts::default();
        for series in page.time_series {
            let count: u64 = series.points.iter().map(CountPoint::count).sum();
            requests.all += count;
            let class = series.metric.labels.get("response_code_class");
            if class.is_some_and(|class| class == ERRORS) {
                requests.errors += count;
            }
        }
        Ok(requests)
    }
}
