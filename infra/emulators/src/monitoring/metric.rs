//! Log-based metrics: which entries they count, and what they extract from them.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{
    filter::{self, LogFilter, matching::lookup},
    series::SeriesKey,
};
use crate::rest::{self, invalid};

/// A log-based metric, parsed.
#[derive(Debug, Clone)]
pub(super) struct LogMetric {
    kind: String,
    filter: LogFilter,
    labels: BTreeMap<String, Extractor>,
    /// Of a distribution; without an extractor the metric counts entries.
    value: Option<Extractor>,
}

/// How a label or value is extracted from an entry.
#[derive(Debug, Clone)]
pub(super) struct Extractor {
    path: Vec<String>,
    /// Has exactly one group, which captures the extracted text.
    regex: Option<Regex>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricFields {
    name: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    metric_descriptor: Descriptor,
    #[serde(default)]
    label_extractors: BTreeMap<String, String>,
    #[serde(default)]
    value_extractor: String,
    #[serde(default)]
    disabled: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Descriptor {
    value_type: String,
    labels: Vec<Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    key: String,
}

impl LogMetric {
    /// Parses a metric's JSON resource.
    pub(super) fn parse(resource: &Value) -> Result<Self, rest::Error> {
        let fields =
            MetricFields::deserialize(resource).map_err(|error| invalid(error.to_string()))?;
        if fields.name.is_empty() || fields.filter.is_empty() {
            return Err(invalid("a metric needs a name and a filter"));
        }
        if fields.disabled {
            let message = "the emulator does not serve disabled metrics";
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        let is_distribution = fields.metric_descriptor.value_type == "DISTRIBUTION";
        if is_distribution == fields.value_extractor.is_empty() {
            let message =
                "valueExtractor is required for the value type DISTRIBUTION, and only for it";
            return Err(invalid(message));
        }
        let described = fields.metric_descriptor.labels.iter();
        let described: Vec<&str> = described.map(|label| label.key.as_str()).collect();
        for key in fields.label_extractors.keys() {
            if !described.contains(&key.as_str()) {
                let message = format!("labelExtractors: the descriptor has no label `{key}`");
                return Err(invalid(message));
            }
        }
        let value = is_distribution.then(|| Extractor::parse(&fields.value_extractor));
        let labels = fields.label_extractors.into_iter();
        Ok(Self {
            kind: format!("logging.googleapis.com/user/{}", fields.name),
            filter: LogFilter::parse(&fields.filter).map_err(|error| invalid(error.to_string()))?,
            labels: labels
                .map(|(key, text)| Ok((key, Extractor::parse(&text)?)))
                .collect::<Result<_, rest::Error>>()?,
            value: value.transpose()?,
        })
    }

    /// The series and the value that `entry` contributes, if it is counted.
    pub(super) fn sample(&self, entry: &Value) -> Option<(SeriesKey, f64)> {
        if !self.filter.matches(entry) {
            return None;
        }
        let value = match &self.value {
            None => 1.0,
            Some(extractor) => extractor.text(entry)?.parse().ok()?,
        };
        let labels = self.labels.iter();
        let labels = labels.map(|(key, extractor)| {
            let text = extractor.text(entry).unwrap_or_default();
            (key.clone(), text)
        });
        let resource = entry.get("resource").unwrap_or(&Value::Null);
        Some((
            SeriesKey::new(&self.kind, labels.collect(), resource),
            value,
        ))
    }
}

impl Extractor {
    /// Parses `EXTRACT(path)` or `REGEXP_EXTRACT(path, "regex with one group")`.
    pub(super) fn parse(text: &str) -> Result<Self, rest::Error> {
        let wrong = || {
            invalid(format!(
                "expected EXTRACT(…) or REGEXP_EXTRACT(…), found `{text}`"
            ))
        };
        let (function, arguments) = text.split_once('(').ok_or_else(wrong)?;
        let arguments = arguments.trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let (path, regex) = match function.trim() {
            "EXTRACT" => (arguments, None),
            "REGEXP_EXTRACT" => {
                let (path, quoted) = arguments.split_once(',').ok_or_else(wrong)?;
                let quoted = quoted.trim();
                let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
                let pattern = inner.ok_or_else(wrong)?.replace("\\\\", "\\");
                let regex = Regex::new(&pattern).map_err(|error| invalid(error.to_string()))?;
                if regex.captures_len() != 2 {
                    return Err(invalid(format!(
                        "expected exactly one group in `{pattern}`"
                    )));
                }
                (path, Some(regex))
            }
            _ => return Err(wrong()),
        };
        let path = filter::path(path).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { path, regex })
    }

    /// The text that is extracted from `entry`.
    pub(super) fn text(&self, entry: &Value) -> Option<String> {
        let text = match lookup(entry, &self.path).first()? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        match &self.regex {
            None => Some(text),
            Some(regex) => Some(regex.captures(&text)?.get(1)?.as_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn loss() -> Value {
        json!({
            "name": "tuning/eval_loss",
            "filter": "jsonPayload.event=\"tuning_metric\"",
            "metricDescriptor": {
                "metricKind": "DELTA", "valueType": "DISTRIBUTION",
                "labels": [{ "key": "run_id" }, { "key": "kind" }],
            },
            "valueExtractor": "EXTRACT(jsonPayload.value)",
            "labelExtractors": {
                "run_id": "EXTRACT(jsonPayload.run_id)",
                "kind": "REGEXP_EXTRACT(jsonPayload.metric, \"^([a-z]+)/\")",
            },
        })
    }

    #[test]
    fn a_distribution_extracts_value_and_labels_from_the_entry() {
        let metric = LogMetric::parse(&loss()).unwrap();
        let entry = json!({
            "resource": { "type": "cloud_run_revision", "labels": { "service_name": "watch" } },
            "jsonPayload": { "event": "tuning_metric", "run_id": "r", "metric": "eval/x", "value": 0.5 },
        });
        let (key, value) = metric.sample(&entry).unwrap();
        assert!((value - 0.5).abs() < 1e-12);
        assert_eq!(
            key.metric_type,
            "logging.googleapis.com/user/tuning/eval_loss"
        );
        assert_eq!(key.metric_labels["run_id"], "r");
        assert_eq!(key.metric_labels["kind"], "eval");
        assert_eq!(key.resource_labels["service_name"], "watch");
        assert!(
            metric
                .sample(&json!({ "jsonPayload": { "event": "other" } }))
                .is_none()
        );
        let valueless = json!({ "jsonPayload": { "event": "tuning_metric" } });
        assert!(metric.sample(&valueless).is_none(), "no value, no point");
    }

    #[test]
    fn a_metric_that_contradicts_itself_is_refused() {
        for (field, value) in [
            ("filter", json!("")),
            ("filter", json!("nonsense")),
            ("valueExtractor", json!("")),
            ("valueExtractor", json!("jsonPayload.value")),
            ("labelExtractors", json!({ "other": "EXTRACT(a)" })),
            (
                "labelExtractors",
                json!({ "kind": "REGEXP_EXTRACT(a, \"x\")" }),
            ),
        ] {
            let mut metric = loss();
            metric[field] = value.clone();
            assert!(LogMetric::parse(&metric).is_err(), "{field}: {value}");
        }
    }
}
