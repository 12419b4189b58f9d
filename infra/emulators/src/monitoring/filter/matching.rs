//! Evaluates a filter against a log entry or a series.

use std::cmp::Ordering;

use chrono::DateTime;
use serde_json::Value;

use super::{ComparisonTest, FilterComparison, LogFilter, Relation};

/// The severities in ascending order:
/// <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity>.
const SEVERITIES: [(&str, f64); 9] = [
    ("DEFAULT", 0.0),
    ("DEBUG", 100.0),
    ("INFO", 200.0),
    ("NOTICE", 300.0),
    ("WARNING", 400.0),
    ("ERROR", 500.0),
    ("CRITICAL", 600.0),
    ("ALERT", 700.0),
    ("EMERGENCY", 800.0),
];

impl LogFilter {
    /// Whether a log entry, or a series in the form `{metric, resource}`, matches the filter.
    pub(in super::super) fn matches(&self, value: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(value)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(value)),
            Self::Not(inner) => !inner.matches(value),
            Self::Compare(comparison) => comparison.matches(value),
        }
    }
}

impl LogFilter {
    /// Whether every match has a given value at `path`, because the filter names it.
    pub(in super::super) fn names(&self, path: &[&str]) -> bool {
        match self {
            Self::And(parts) => parts.iter().any(|part| part.names(path)),
            Self::Or(parts) => !parts.is_empty() && parts.iter().all(|part| part.names(path)),
            Self::Not(_) => false,
            Self::Compare(comparison) => {
                comparison.path == path && matches!(comparison.test, ComparisonTest::Equals(_))
            }
        }
    }
}

/// The values at `path`; a list contributes each of its elements.
pub(in super::super) fn lookup<'a>(value: &'a Value, path: &[String]) -> Vec<&'a Value> {
    if let Value::Array(elements) = value {
        let found = elements.iter().flat_map(|element| lookup(element, path));
        return found.collect();
    }
    let Some((first, rest)) = path.split_first() else {
        return vec![value];
    };
    // Monitoring accepts both `metric.label.x` and `metric.labels.x`.
    let field = value.get(first).or_else(|| match first.as_str() {
        "label" => value.get("labels"),
        _ => None,
    });
    field.map(|field| lookup(field, rest)).unwrap_or_default()
}

impl FilterComparison {
    /// Whether any value at the path matches; a missing field matches no comparison.
    fn matches(&self, entry: &Value) -> bool {
        let is_severity = matches!(self.path.as_slice(), [only] if only == "severity");
        lookup(entry, &self.path)
            .into_iter()
            .any(|found| match (&self.test, found) {
                (test, Value::String(name)) if is_severity => test.passes_severity(name),
                (test, found) => test.passes(found),
            })
    }
}

impl ComparisonTest {
    fn passes(&self, found: &Value) -> bool {
        match self {
            Self::Has(wanted) => has(found, wanted),
            Self::Equals(wanted) => equal(found, wanted),
            Self::Differs(wanted) => !equal(found, wanted),
            Self::Ordered(order, wanted) => {
                compare(found, wanted).is_some_and(|ordering| order.allows(ordering))
            }
            Self::Matches(regex) => text(found).is_some_and(|text| regex.is_match(&text)),
            Self::MatchesNot(regex) => text(found).is_some_and(|text| !regex.is_match(&text)),
        }
    }

    fn passes_severity(&self, name: &str) -> bool {
        let found = severity(name);
        let against = |wanted: &str| found?.partial_cmp(&severity(wanted)?);
        match self {
            Self::Equals(wanted) => against(wanted) == Some(Ordering::Equal),
            Self::Differs(wanted) => against(wanted) != Some(Ordering::Equal),
            Self::Ordered(order, wanted) => {
                against(wanted).is_some_and(|ordering| order.allows(ordering))
            }
            Self::Has(_) | Self::Matches(_) | Self::MatchesNot(_) => {
                self.passes(&Value::from(name))
            }
        }
    }
}

impl Relation {
    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// The rank of a severity, given by its name or its number; `None` is below all.
fn severity(name: &str) -> Option<f64> {
    let named = SEVERITIES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map_or_else(|| name.parse().ok(), |(_, level)| Some(*level))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Compares numbers as numbers, and strings without regard to case.
fn equal(found: &Value, wanted: &str) -> bool {
    match (found, wanted.parse::<f64>()) {
        (Value::Number(_), Ok(_)) => compare(found, wanted) == Some(Ordering::Equal),
        _ => text(found).is_some_and(|found| found.to_lowercase() == wanted.to_lowercase()),
    }
}

fn compare(found: &Value, wanted: &str) -> Option<Ordering> {
    let number = wanted.parse::<f64>();
    match found {
        Value::Number(found) => found.as_f64()?.partial_cmp(&number.ok()?),
        Value::String(found) => {
            // JSON represents 64-bit integers as strings.
            if let (Ok(found), Ok(wanted)) = (found.parse::<f64>(), &number) {
                return found.partial_cmp(wanted);
            }
            let times = (
                DateTime::parse_from_rfc3339(found),
                DateTime::parse_from_rfc3339(wanted),
            );
            if let (Ok(found), Ok(wanted)) = times {
                return Some(found.cmp(&wanted));
            }
            Some(found.to_lowercase().cmp(&wanted.to_lowercase()))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The operator `:`: a substring of a string; in a structure, any of its keys and values.
fn has(found: &Value, wanted: &str) -> bool {
    match found {
        Value::Null => false,
        _ if wanted == "*" => true,
        Value::String(text) => text.to_lowercase().contains(&wanted.to_lowercase()),
        Value::Number(_) | Value::Bool(_) => equal(found, wanted),
        Value::Array(elements) => elements.iter().any(|element| has(element, wanted)),
        Value::Object(fields) => {
            fields.contains_key(wanted) || fields.values().any(|field| has(field, wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(filter: &str, expected: bool) {
        let entry = json!({
            "logName": "projects/p/logs/run",
            "severity": "WARNING",
            "timestamp": "2026-11-22T10:00:00Z",
            "resource": { "type": "cloud_run_revision", "labels": { "service_name": "watch" } },
            "labels": { "a.b": "c" },
            "jsonPayload": {
                "event": "run_health", "run_id": "r-1", "loss": 0.9, "step": 12,
                "diverged": true, "tags": ["x", "y"], "size": "1024", "nested": { "deep": 10 },
            },
        });
        let parsed = LogFilter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(parsed.matches(&entry), expected, "{filter}: {parsed:?}");
    }

    #[test]
    fn fields_are_compared_by_their_type() {
        check("", true);
        check("jsonPayload.event = \"run_health\"", true);
        check("jsonPayload.event=RUN_HEALTH", true);
        check("jsonPayload.event!=\"run_health\"", false);
        check("jsonPayload.loss > 0.85", true);
        check("jsonPayload.loss > 0.95", false);
        check("jsonPayload.step >= 12", true);
        check("jsonPayload.step < 9", false); // as strings, "12" < "9"
        check("jsonPayload.step = 12.0", true);
        check("jsonPayload.step > -1", true);
        check("jsonPayload.size > 999", true);
        check("jsonPayload.diverged = true", true);
        check("jsonPayload.nested.deep = 10", true);
        check("jsonPayload.loss > \"high\"", false);
        check("labels.\"a.b\" = c", true);
        check("jsonPayload.tags = y", true);
        check("timestamp >= \"2026-11-22T11:00:00+02:00\"", true);
        check("timestamp > \"2026-11-22T10:00:00Z\"", false);
    }

    #[test]
    fn a_missing_field_matches_no_comparison() {
        check("jsonPayload.absent = 1", false);
        check("jsonPayload.absent != 1", false);
        check("NOT jsonPayload.absent = 1", true);
        check("jsonPayload.absent:*", false);
        check("jsonPayload.loss:*", true);
    }

    #[test]
    fn has_searches_strings_and_structures() {
        check("jsonPayload.event:HEALTH", true);
        check("jsonPayload:health", true);
        check("jsonPayload:run_id", true);
        check("jsonPayload.step:1", false);
        check("resource.labels:\"watch\"", true);
    }

    #[test]
    fn severities_are_ordered_by_rank() {
        check("severity >= WARNING", true);
        check("severity >= \"error\"", false);
        check("severity < ALERT", true); // as strings, ALERT < WARNING
        check("severity = 400", true);
        check("severity = (ERROR OR WARNING)", true);
    }

    #[test]
    fn regular_expressions_are_case_sensitive() {
        check(r#"jsonPayload.run_id =~ "^r-\d+$""#, true);
        check("jsonPayload.event =~ \"HEALTH\"", false);
        check("jsonPayload.event !~ \"HEALTH\"", true);
    }

    #[test]
    fn or_binds_tighter_than_and_and_and_may_be_omitted() {
        let (yes, no) = ("jsonPayload.step=12", "jsonPayload.step=0");
        check(&format!("{yes} {no}"), false);
        check(&format!("{yes}\n{yes}"), true);
        check(&format!("{yes} OR {no} AND {no}"), false);
        check(&format!("{yes} OR ({no} AND {no})"), true);
        check(&format!("{no} OR NOT {no} {yes}"), true);
        check(&format!("-{no} -- a comment\n AND {yes}"), true);
    }

    #[test]
    fn filters_of_monitoring_have_the_same_syntax() {
        let series = json!({
            "metric": { "type": "custom.googleapis.com/loss", "labels": { "run_id": "r" } },
            "resource": { "type": "global", "labels": {} },
        });
        let filter = r#"metric.type="custom.googleapis.com/loss" AND resource.type="global" AND metric.label.run_id="r""#;
        assert!(LogFilter::parse(filter).unwrap().matches(&series));
    }
}
