//! Cloud Monitoring: an alert policy opened or closed an incident.

use serde_json::Value;

use crate::id::{RunId, digest};

/// The label that names a run.
const RUN_LABEL: &str = "run_id";
/// Where the labels of an incident are: those of the metric, those that a policy on log lines extracted,
/// those of the policy, and those of the resource.
const LABELS: [&str; 4] = [
    "/metric/labels",
    "/metadata/user_labels",
    "/policy_user_labels",
    "/resource/labels",
];

/// What an incident says, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Google's id of the incident; where it has none, the digest of all that it says.
    pub id: String,
    /// Whether it opened or closed.
    pub open: bool,
    /// The policy's display name.
    pub policy: String,
    /// The run that the incident's labels name, where they name one.
    pub run: Option<RunId>,
    /// Google's own summary.
    pub summary: String,
}

impl Incident {
    /// Reads a notification of Cloud Monitoring, schema 1.2
    /// (<https://cloud.google.com/monitoring/support/notification-options#pubsub>).
    ///
    /// Its shape follows from the policy: members may be absent, null, or of another type. An incident that
    /// cannot be read in part is read in part: refusing it would deliver it again until it is a dead letter. Bytes
    /// that are not JSON, or too deep, are an incident that names no run, with their digest as its id.
    pub fn read(data: &[u8]) -> Self {
        let notification: Value =
            serde_json::from_slice(data).unwrap_or_else(|_error| Value::String(hex(data)));
        let incident = notification.get("incident").unwrap_or(&notification);
        let text = |field: &str| incident.get(field).and_then(text_of);
        let run = LABELS.iter().find_map(|labels| {
            let label = incident.pointer(labels)?.get(RUN_LABEL)?;
            text_of(label)?.parse().ok()
        });
        Self {
            id: text("incident_id").unwrap_or_else(|| digest(&[&notification.to_string()])),
            open: is_open(incident),
            policy: text("policy_name").unwrap_or_default(),
            summary: text("summary").unwrap_or_default(),
            run,
        }
    }
}

/// Bytes of any kind as text, so that two that differ have two digests.
fn hex(data: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(data)
}

/// Whether it is open: it says so, or it does not say when it ended. Taking a closed one for open costs a
/// look at the run; the other way round would miss a fault.
fn is_open(incident: &Value) -> bool {
    match incident.get("state").and_then(text_of) {
        Some(state) => !state.eq_ignore_ascii_case("closed"),
        None => incident.get("ended_at").is_none_or(Value::is_null),
    }
}

/// A text, or a number as text; `None` for anything else, and for an empty text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn read(notification: &Value) -> Incident {
        Incident::read(notification.to_string().as_bytes())
    }

    #[track_caller]
    fn check(incident: &Value, run: Option<&str>, open: bool) {
        let found = read(&json!({"version": "1.2", "incident": incident}));
        assert_eq!(found.run.as_ref().map(RunId::as_str), run, "{incident}");
        assert_eq!(found.open, open, "{incident}");
    }

    #[test]
    fn an_incident_names_its_run_by_label() {
        let base = |state: &str| {
            json!({
                "incident_id": "0.opqiw61fsv7p", "state": state, "policy_name": "nan",
                "threshold_value": "0", "observed_value": 1.0, "ended_at": null,
                "metric": {"type": "logging.googleapis.com/user/x", "labels": {"run_id": "a-b"}},
            })
        };
        check(&base("open"), Some("a-b"), true);
        check(&base("CLOSED"), Some("a-b"), false);
        check(&json!({"incident_id": "1", "state": "open"}), None, true);
        let odd = json!({"state": "open", "metric": {"labels": {"run_id": "../x"}}});
        check(&odd, None, true);
    }

    #[test]
    fn an_incident_of_any_shape_is_read() {
        let labels = json!({"run_id": "a-b"});
        check(
            &json!({"metadata": {"user_labels": labels}, "metric": null}),
            Some("a-b"),
            true,
        );
        check(
            &json!({"policy_user_labels": labels, "metric": {"labels": null}}),
            Some("a-b"),
            true,
        );
        check(
            &json!({"resource": {"labels": labels}, "metric": {}}),
            Some("a-b"),
            true,
        );
        let numbers = json!({"metric": {"labels": {"run_id": 7, "step": 12, "ok": true}}});
        check(&numbers, Some("7"), true);
        check(
            &json!({"state": null, "ended_at": 1_763_000_000}),
            None,
            false,
        );
        check(
            &json!({"state": "closed", "summary": 3, "policy_name": null}),
            None,
            false,
        );
        check(&Value::Null, None, true);
        let bare = read(&json!({"incident_id": 5, "metric": {"labels": labels}}));
        assert_eq!((bare.id.as_str(), bare.run.is_some()), ("5", true));
    }

    #[test]
    fn bytes_that_are_no_incident_name_no_run() {
        let deep = "[".repeat(20_000);
        let nested = format!("{}1{}", r#"{"incident":"#.repeat(3_000), "}".repeat(3_000));
        let (binary, text) = (b"\xff\xfe{".as_slice(), b"not JSON".as_slice());
        let all = [binary, text, b"", deep.as_bytes(), nested.as_bytes()];
        let read = all.map(Incident::read);
        assert!(read.iter().all(|it| it.run.is_none() && it.open));
        let ids: BTreeSet<&str> = read.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), all.len(), "each is counted once");
    }

    #[test]
    fn an_incident_without_an_id_is_counted_once() {
        let nameless = json!({"incident": {"state": "open", "summary": "x"}});
        assert_eq!(read(&nameless), read(&nameless));
        let other = json!({"incident": {"state": "open", "summary": "y"}});
        assert_ne!(read(&nameless).id, read(&other).id);
    }

    /// Any JSON, some levels deep, with the names that are read.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z./-]{0,8}".prop_map(Value::from),
        ];
        let names = prop_oneof![
            Just("incident"),
            Just("incident_id"),
            Just("state"),
            Just("metric"),
            Just("labels"),
            Just("run_id"),
            Just("metadata"),
            Just("user_labels"),
            Just("policy_user_labels"),
            Just("resource"),
            Just("ended_at"),
            Just("summary"),
            Just("policy_name"),
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((names.clone(), inner), 0..6).prop_map(|pairs| {
                    pairs
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_shape_is_read(json in any_json()) {
            let (text, again) = (json.to_string(), json.to_string());
            prop_assert_eq!(Incident::read(text.as_bytes()), Incident::read(again.as_bytes()));
        }

        #[test]
        fn no_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(!Incident::read(&bytes).id.is_empty());
        }
    }
}
